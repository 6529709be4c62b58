"""`/livez` and `/readyz`: what they say, how fast, and how little they ask for it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from quart import Quart
from sqlalchemy import text

from quartapp.core.errors import NotReady
from quartapp.testing import temporary_app
from quartapp.web.db import app_database
from quartapp.web.middleware import probes
from quartapp.web.readiness import add_check

NAMES = ["serving", "database", "migrations", "disk"]


@pytest.fixture
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question makes a round of its own."""
    monkeypatch.setattr(probes, "PERIOD", 0.0)


async def nothing_wrong() -> None:
    """A check that passes."""


@pytest.mark.usefixtures("no_rest")
async def test_an_application_that_works_is_ready_and_says_how_long_each_check_took(
    app: Quart,
) -> None:
    response = await app.test_client().get("/readyz")
    told = await response.get_json()
    assert (response.status_code, told["ready"]) == (200, True)
    assert list(told["checks"]) == NAMES
    for result in told["checks"].values():
        assert result["ok"] is True
        assert 0 <= result["ms"] < 2000
    assert response.headers["Cache-Control"] == "no-store"
    assert "Retry-After" not in response.headers
    assert "Set-Cookie" not in response.headers


async def test_a_live_process_says_so_though_its_database_is_away(tmp_path: Path) -> None:
    async with temporary_app() as app:
        await app_database(app).close()
        Path(str(app_database(app).url.database)).unlink()
        client = app.test_client()
        response = await client.get("/livez")
        assert (response.status_code, await response.get_data(as_text=True)) == (200, "ok\n")
        response = await client.get("/readyz")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
        checks = (await response.get_json())["checks"]
        assert checks["database"]["reason"] == "does not exist"
        assert checks["migrations"]["ok"] is False
        assert checks["disk"]["ok"] is True


async def test_a_database_that_does_not_answer_is_told_without_its_address() -> None:
    url = "mysql+aiomysql://someone:hidden@127.0.0.1:1/house"
    async with temporary_app() as working:
        settings = {"database_url": url, "instance_path": Path(working.instance_path)}
        from quartapp.app import create_app
        from quartapp.settings import load_settings

        app = create_app(load_settings(_env_file=None, **settings), migrate=False)
        response = await app.test_client().get("/readyz")
    said = await response.get_data(as_text=True)
    assert response.status_code == 503
    assert "does not answer" in said
    for part in ("127.0.0.1", "someone", "hidden", "house"):
        assert part not in said


async def test_a_database_that_is_not_at_head_is_not_ready_until_it_is(
    no_rest: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with temporary_app() as app:
        client = app.test_client()
        async with app_database(app).writing() as db:
            await db.execute(text("UPDATE quartapp_version SET version_num = '0001'"))
        response = await client.get("/readyz")
        assert response.status_code == 503
        assert (
            "quartapp db upgrade" in (await response.get_json())["checks"]["migrations"]["reason"]
        )
        assert caplog.messages[0].startswith("not ready: migrations are not all applied")

        from quartapp.db.migrate import head

        async with app_database(app).writing() as db:
            newest = await asyncio.to_thread(head)
            await db.execute(text("UPDATE quartapp_version SET version_num = :h"), {"h": newest})
        assert (await client.get("/readyz")).status_code == 200
        assert caplog.messages[-1] == "ready again"


async def test_a_disk_without_room_is_not_ready() -> None:
    async with temporary_app(min_free_bytes=2**62) as app:
        response = await app.test_client().get("/readyz")
        assert response.status_code == 503
        assert (await response.get_json())["checks"]["disk"]["reason"] == "is nearly full"


async def test_an_application_that_shuts_down_is_not_ready_but_live() -> None:
    async with temporary_app() as app:
        client = app.test_client()
        assert (await client.get("/readyz")).status_code == 200
        app.shutdown_event.set()
        response = await client.get("/readyz")  # though the last round was a moment ago
        assert response.status_code == 503
        assert (await response.get_json())["checks"]["serving"]["reason"] == "is shutting down"
        assert (await client.get("/livez")).status_code == 200


async def test_many_who_ask_at_once_make_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = 0

    async def counted() -> None:
        nonlocal rounds
        rounds += 1
        await asyncio.sleep(0.01)

    async with temporary_app() as app:
        add_check(app, "counted", counted)
        client = app.test_client()
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(50)))
        assert {answer.status_code for answer in answers} == {200}
        assert rounds == 1
        monkeypatch.setattr(probes, "PERIOD", 0.0)
        await client.get("/readyz")
        assert rounds == 2


async def test_checks_run_side_by_side_and_one_that_hangs_is_given_up_and_not_piled_up(
    no_rest: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "LIMIT", 0.2)
    begun = 0
    release = asyncio.Event()

    async def deaf() -> None:
        nonlocal begun
        begun += 1
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    async with temporary_app() as app:
        for name in ("slow", "slower"):
            add_check(app, name, lambda: asyncio.sleep(30))
        add_check(app, "deaf", deaf)
        began = asyncio.get_running_loop().time()
        response = await app.test_client().get("/readyz")
        assert asyncio.get_running_loop().time() - began < 2.0
        checks = (await response.get_json())["checks"]
        assert checks["database"]["ok"] is True
        for name in ("slow", "slower", "deaf"):
            assert checks[name]["reason"] == "has not answered within 0.2 s"
        assert (await app.test_client().get("/readyz")).status_code == 503
        assert begun == 1
        release.set()


async def test_a_further_check_gives_its_reason_or_none_if_it_breaks(
    no_rest: None, caplog: pytest.LogCaptureFixture
) -> None:
    async def away() -> None:
        raise NotReady("is away")

    async def broken() -> None:
        raise RuntimeError("secret")

    async with temporary_app() as app:
        add_check(app, "redis", away)
        add_check(app, "queue", broken)
        add_check(app, "well", nothing_wrong)
        checks = (await (await app.test_client().get("/readyz")).get_json())["checks"]
        assert checks["redis"]["reason"] == "is away"
        assert checks["queue"]["reason"] == "failed"
        assert checks["well"]["ok"] is True
    assert any(record.levelno == logging.ERROR for record in caplog.records)


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_only_get_and_head_are_answered(app: Quart, path: str) -> None:
    client = app.test_client()
    head = await client.head(path)
    assert (head.status_code, await head.get_data()) == (200, b"")
    refused = await client.post(path)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")
    assert (await client.get(f"{path}/more")).status_code == 404


async def test_a_lesson_alone_is_probed_too() -> None:
    async with temporary_app(lesson="hello") as app:
        assert (await app.test_client().get("/readyz")).status_code == 200
