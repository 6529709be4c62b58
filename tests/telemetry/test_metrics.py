"""`/metrics`: who may see it, and that it counts what it says it counts."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from quart import Quart
from quart.testing import QuartClient
from sqlalchemy import text

from quartapp.db import engine
from quartapp.paths import TEMPLATES
from quartapp.telemetry import metrics, process
from quartapp.testing import User, temporary_app
from quartapp.web import metrics as looks
from quartapp.web.db import app_database
from quartapp.web.login import app_passwords
from tests.telemetry.reading import Reading, metrics_of

DEPLOY = TEMPLATES.parent / "deploy"
QUEUE = 50  # passwords
TARGET = {"instance", "job"}  # what Prometheus itself adds


@pytest_asyncio.fixture(scope="module")
async def watched() -> AsyncIterator[Quart]:
    """An application that looks at itself all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looks, "INTERVAL", 0.005)
        patch.setattr(looks, "ROUNDS", 1)
        async with temporary_app() as app:
            yield app


async def until(app: Quart, seen: Callable[[Reading], bool]) -> None:
    async with asyncio.timeout(10):
        while not seen(await metrics_of(app)):
            pass


@asynccontextmanager
async def hashing(app: Quart) -> AsyncIterator[None]:
    """Keep so many passwords in the queue that some wait."""
    queue: set[asyncio.Task[str]] = set()
    full = asyncio.Event()

    async def fill() -> None:
        while True:
            queue.difference_update([task for task in queue if task.done()])
            while len(queue) < QUEUE:
                work = app_passwords(app).hash("secret", admitted=True)
                queue.add(asyncio.create_task(work))
            await asyncio.sleep(0)
            full.set()

    filling = asyncio.create_task(fill())
    await full.wait()
    yield
    filling.cancel()
    await asyncio.gather(*queue)


async def test_requests_are_counted_by_their_route_and_never_by_their_address(
    watched: Quart,
) -> None:
    before = await metrics_of(watched)

    for path in ("/house/no1", "/house/no2?q=no3", "/nowhere/no4"):
        await watched.test_client().get(path)

    now = await metrics_of(watched)

    def grown(name: str, **labels: str) -> float:
        return now(name, **labels) - before(name, **labels)

    assert grown("http_requests_total") == 3
    assert grown("http_requests_total", method="GET", route="/house/<house:id>", status="302") == 2
    assert grown("http_requests_total", method="GET", route="(none)", status="404") == 1
    assert grown("http_request_duration_seconds_count", route="/house/<house:id>") == 2
    assert now("http_requests_in_progress") == 0
    assert not re.search(r"no\d", str(now.samples))


async def test_a_method_that_somebody_made_up_is_other(watched: Quart) -> None:
    before = await metrics_of(watched)

    await QuartClient(watched).open("/", method="BREW")

    now = await metrics_of(watched)
    assert now("http_requests_total", method="OTHER") == (
        before("http_requests_total", method="OTHER") + 1
    )
    assert "BREW" not in str(now.samples)


async def test_asking_for_the_metrics_is_no_request_itself(watched: Quart) -> None:
    before = await metrics_of(watched)
    await watched.test_client().get("/livez")
    assert (await metrics_of(watched))("http_requests_total") == before("http_requests_total")


@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_may_ask(client: str, watched: Quart) -> None:
    answer = await watched.test_client().head("/metrics", scope_base={"client": (client, 1)})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert await answer.get_data() == b""


@pytest.mark.parametrize(
    ("method", "client", "headers"),
    [
        pytest.param("GET", ("10.0.0.1", 1), {}, id="another-machine"),
        pytest.param("GET", None, {}, id="no-address"),
        pytest.param("GET", ("unix", 0), {}, id="an-address-that-is-none"),
        pytest.param("POST", ("127.0.0.1", 1), {}, id="post"),
        *(
            pytest.param("GET", ("127.0.0.1", 1), {name: value}, id=name.lower())
            for name, value in {
                "X-Forwarded-For": "127.0.0.1",
                "x-forwarded-host": "a.example",
                "X-Real-IP": "127.0.0.1",
                "Forwarded": "for=127.0.0.1",
                "Via": "1.1 proxy",
            }.items()
        ),
    ],
)
async def test_for_anybody_else_there_is_no_such_page(
    method: str, client: Any, headers: dict[str, str], watched: Quart
) -> None:
    answer = await QuartClient(watched).open(
        "/metrics", method=method, headers=headers, scope_base={"client": client}
    )
    assert answer.status_code == 404
    assert "quartapp_http" not in await answer.get_data(as_text=True)


async def test_the_setting_says_who_may_ask() -> None:
    async with temporary_app(metrics_allow="10.1.0.0/16, 2001:db8::/32") as app:
        client = app.test_client()
        for host, status in {
            "10.1.2.3": 200,
            "2001:db8::7": 200,
            "10.2.0.1": 404,
            "127.0.0.1": 404,
        }.items():
            answer = await client.get("/metrics", scope_base={"client": (host, 1)})
            assert (host, answer.status_code) == (host, status)


async def test_attempts_to_sign_in_are_counted_by_their_outcome(app: Quart, user: User) -> None:
    before = await metrics_of(app)

    for password in (user.password, "wrong", "wrong again"):
        form = {"username": user.username, "password": password}
        await app.test_client().post("/login", form=form)
    body = {"username": user.username, "password": "wrong"}
    await app.test_client().post("/api/v1/auth/sign-in", json=body)

    now = await metrics_of(app)
    counted = {
        outcome: now("logins_total", outcome=outcome) - before("logins_total", outcome=outcome)
        for outcome in ("accepted", "refused", "limited", "busy")
    }
    assert counted == {"accepted": 1, "refused": 3, "limited": 0, "busy": 0}


async def test_a_sign_in_for_which_there_is_no_time_is_busy() -> None:
    async with temporary_app(login_max_wait=1e-9) as app, hashing(app):
        before = await metrics_of(app)
        form = {"username": "ann", "password": "secret"}
        assert (await app.test_client().post("/login", form=form)).status_code == 503
        answer = await app.test_client().post("/api/v1/auth/sign-in", json=form)
        assert answer.status_code == 503

        now = await metrics_of(app)
        assert now("logins_total", outcome="busy") == before("logins_total", outcome="busy") + 2


async def test_the_queue_for_hashing_shows_while_it_is_there(watched: Quart) -> None:
    before = await metrics_of(watched)

    async with hashing(watched):
        await until(watched, lambda now: now("password_hashes_waiting") > 0)
        await until(watched, lambda now: now("password_hashes_running") > 0)

    await until(watched, lambda now: now("password_hashes_waiting") == 0)
    name = "password_hash_wait_seconds_count"
    assert (await metrics_of(watched))(name) >= before(name) + QUEUE


async def test_the_use_of_the_pool_shows(watched: Quart) -> None:
    await until(watched, lambda now: now("database_pool_size") > 0)
    async with app_database(watched).reading() as db:
        await db.execute(text("SELECT 1"))
        await until(watched, lambda now: now("database_pool_in_use") == 1)
    await until(watched, lambda now: now("database_pool_in_use") == 0)


async def test_requests_that_get_no_connection_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "POOL_TIMEOUT", 0.05)
    async with temporary_app() as app, AsyncExitStack() as stack:
        before = await metrics_of(app)
        for _ in range(engine.POOL_SIZE):
            db = await stack.enter_async_context(app_database(app).reading())
            await db.execute(text("SELECT 1"))

        form = {"username": "ann", "password": "secret"}
        assert (await app.test_client().post("/login", form=form)).status_code == 503
        answer = await app.test_client().post("/api/v1/auth/sign-in", json=form)
        assert answer.status_code == 503

        name = "database_pool_timeouts_total"
        assert (await metrics_of(app))(name) == before(name) + 2


async def test_a_loop_that_was_held_up_shows(watched: Quart) -> None:
    def long(now: Reading) -> float:
        name = "event_loop_lag_seconds"
        return now(f"{name}_count", **{}) - now(f"{name}_bucket", le="0.05")

    before = long(await metrics_of(watched))
    async with asyncio.timeout(10):
        while long(await metrics_of(watched)) == before:
            held = time.monotonic() + 0.1  # not seen by a look that is just beginning
            while time.monotonic() < held:
                pass


async def test_the_process_shows_while_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    idle = Reading(metrics.render().decode())("workers")
    async with temporary_app() as app:
        now = await metrics_of(app)
        assert now("workers") == idle + 1
        await until(app, lambda now: now("resident_memory_bytes") > 2**20)
        assert now("open_file_descriptors") > 2
    assert Reading(metrics.render().decode())("workers") == idle


@pytest.mark.parametrize("name", ["alerts.yml", "grafana/quartapp.json"])
async def test_what_dashboard_and_alerts_look_at_is_there(name: str, watched: Quart) -> None:
    await watched.test_client().get("/login")
    await until(watched, lambda now: now("resident_memory_bytes") > 0)
    there = (await metrics_of(watched)).samples

    looks = (DEPLOY / name).read_text(encoding="utf-8").replace("\\", "")

    assert len(set(re.findall(r"quartapp_\w+", looks))) > 8
    assert set(re.findall(r"quartapp_\w+", looks)) - there.keys() == set()
    for metric, selected in re.findall(r"(quartapp_\w+)\{([^{}]*)\}", looks):
        known = {label for labels in there[metric] for label, _ in labels}
        assert set(re.findall(r"(\w+)\s*[=!]", selected)) <= known | TARGET, metric
    every = {label for series in there.values() for labels in series for label, _ in labels}
    for grouped in re.findall(r"\bby \(([^)]*)\)", looks):
        assert set(grouped.split(", ")) <= every | TARGET


def test_where_the_system_tells_nothing_of_a_process_nothing_is_told(tmp_path: Path) -> None:
    assert process.use(tmp_path) is None
