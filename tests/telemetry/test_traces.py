"""Traces: one span a request, named by its route, and nothing in it that somebody sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from quart import Quart
from quart.testing import QuartClient

from quartapp import settings
from quartapp.settings import SettingsError, load_settings
from quartapp.testing import new_user, sign_in, temporary_app
from tests.telemetry.collector import Collector, attributes, collecting

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector


async def test_a_request_is_a_span_named_by_its_route_with_its_statements_below(
    collector: Collector,
) -> None:
    async with temporary_app(traces=True) as app:
        client = await sign_in(app, await new_user(app))
        answer = await client.get("/houses?q=tausend")
        assert answer.status_code == 200

    assert collector.services == {"quartapp"}
    span = collector.named("GET /houses")
    said = attributes(span)
    assert span.kind == Span.SPAN_KIND_SERVER
    assert said["http.route"] == "/houses"
    assert said["http.response.status_code"] == 200
    assert said["quartapp.request_id"] == answer.headers["X-Request-ID"]
    below = [each for each in collector.spans if each.parent_span_id == span.span_id]
    assert "SELECT" in {each.name for each in below}
    assert {attributes(each)["db.system.name"] for each in below} == {"sqlite"}
    assert {each.trace_id for each in below} == {span.trace_id}


async def test_nothing_that_a_client_sends_is_in_a_span(collector: Collector) -> None:
    secret = "geheim-1234"
    async with temporary_app(traces=True) as app:
        client = QuartClient(app)
        client.set_cookie("localhost", "token", secret)
        headers = {"Authorization": f"Bearer {secret}", "User-Agent": secret, "X-Any": secret}
        await client.get(f"/house/{secret}?token={secret}", headers=headers)
        await client.get(f"/{secret}", headers=headers)
        await client.post("/login", form={"username": secret, "password": secret})
        await client.open("/", method=secret.upper(), headers=headers)

    assert {span.name for span in collector.spans} >= {"GET /house/<house:id>", "GET", "_OTHER"}
    assert not [body for body in collector.bodies if secret in body.decode("latin-1").lower()]


async def test_a_failure_marks_the_spans_and_does_not_quote_the_error(
    collector: Collector,
) -> None:
    async with temporary_app(traces=True) as app:
        _fail_in_two_ways(app)
        assert (await app.test_client().get("/break")).status_code == 500
        assert (await app.test_client().get("/query")).status_code == 503

    for name in ("GET /break", "GET /query", "SELEKT"):
        assert collector.named(name).status.code == Status.STATUS_CODE_ERROR
    assert not [body for body in collector.bodies if b"geheim" in body]


def _fail_in_two_ways(app: Quart) -> None:
    from sqlalchemy import text

    from quartapp.web.db import reading

    @app.get("/break")
    async def fail() -> str:
        raise RuntimeError("geheim")

    @app.get("/query")
    async def query() -> str:
        async with reading() as db:
            await db.execute(text("SELEKT :value"), {"value": "geheim"})
        return ""


async def test_only_a_trusted_proxy_says_which_trace_a_request_belongs_to(
    collector: Collector,
) -> None:
    async with temporary_app(traces=True, trusted_proxies="127.0.0.1") as app:
        for host in ("127.0.0.1", "10.0.0.1"):
            await app.test_client().get(
                "/login",
                headers={"traceparent": PARENT, "X-Forwarded-For": "10.0.0.2"},
                scope_base={"client": (host, 1)},
            )

    parents = [span.parent_span_id.hex() for span in collector.spans if span.name == "GET /login"]
    assert parents == [PARENT.split("-")[2], ""]


async def test_the_standard_variables_are_heeded(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "registry")
    async with temporary_app(traces=True) as app:
        await app.test_client().get("/login")
    assert collector.services == {"registry"}
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    collector.bodies.clear()
    async with temporary_app(traces=True) as app:
        await app.test_client().get("/login")
    assert collector.bodies == []


async def test_a_collector_that_is_away_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")  # nobody listens
    async with temporary_app(traces=True) as app:
        await app.test_client().get("/login")
        began = time.monotonic()
    assert time.monotonic() - began < 5  # its own patience is ten seconds and more


async def test_without_the_setting_nothing_is_traced(collector: Collector) -> None:
    async with temporary_app() as app:
        await app.test_client().get("/login")
    assert collector.bodies == []


def test_traces_without_the_extra_are_refused_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "TRACES_MODULE", "not_there.at.all")
    with pytest.raises(SettingsError) as caught:
        load_settings(instance_path=tmp_path, traces=True)
    assert caught.value.problems == [
        "QUARTAPP_TRACES: needs more to be installed: pip install 'quartapp[traces]'"
    ]
