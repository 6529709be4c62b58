"""What has expired is removed, by one of all who serve on a database."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from quart import Quart
from sqlalchemy import select, update

from quartapp.accounts import sessions
from quartapp.accounts.models import LoginSession
from quartapp.accounts.sessions import KEPT, DatabaseSessionStore
from quartapp.core.clock import now
from quartapp.db.database import Database
from quartapp.files.storage import ABANDONED
from quartapp.idempotency import service as idempotency
from quartapp.idempotency.models import IdempotencyKey
from quartapp.jwt import start_session
from quartapp.jwt.session_store import Session
from quartapp.serve.application import application
from quartapp.settings import load_settings
from quartapp.testing import temporary_app
from quartapp.web import housekeeping
from quartapp.web.api.tokens import NAME
from quartapp.web.housekeeping import Tidied
from tests.conftest import BACKENDS
from tests.web.api.conftest import Api, api_for

SOON = (0.0, 0.0)
NEVER = (3600.0, 3600.0)


def address(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


async def add_session(database: Database, id: str, *, ended: timedelta) -> None:
    end = now() - ended
    began = end - timedelta(hours=1)
    times = {"created_at": began, "last_used_at": began, "idle_expires_at": end, "expires_at": end}
    row = {"id": id, "subject": "1:ann", "digest": "", "address": "", "device": ""}
    await DatabaseSessionStore(database).add(Session(**row, **times))  # type: ignore[arg-type]


async def add_answer(database: Database, id: str, *, expired: timedelta) -> None:
    await idempotency.begin(database, id=id, body=id)
    row = update(IdempotencyKey).where(IdempotencyKey.id == id)
    async with database.writing() as db:
        await db.execute(row.values(expires_at=now() - expired))


def add_file(path: Path, *, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - age,) * 2)
    return path


async def always(_database: Database, **_values: object) -> bool:
    return True


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not look():  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.01)


@asynccontextmanager
async def kept(database: Database) -> AsyncIterator[Quart]:
    """One of the applications on a database, which keeps its house."""
    url = address(database) if database.url.get_backend_name() == "mysql" else ""
    async with temporary_app(database_url=url) as app:
        app.add_background_task(housekeeping.keep_house, app)
        yield app


async def test_of_all_who_ask_for_an_hours_turn_at_once_one_gets_it(database: Database) -> None:
    others = [Database(address(database)) for _ in range(2)]
    at = now()
    try:
        for hour in (at, at + timedelta(hours=1)):
            asked = [housekeeping.take_turn(one, at=hour) for one in [database, *others] * 3]
            assert Counter(await asyncio.gather(*asked)) == {True: 1, False: len(asked) - 1}
    finally:
        for one in others:
            await one.close()


async def test_what_is_over_is_removed_and_nothing_else(app: Quart, database: Database) -> None:
    for id, ended in (("old", KEPT + timedelta(hours=1)), ("recent", KEPT - timedelta(hours=1))):
        await add_session(database, id, ended=ended)
    for id, expired in (("o" * 64, timedelta(seconds=1)), ("n" * 64, timedelta(hours=-1))):
        await add_answer(database, id, expired=expired)
    folders = {name: Path(app.config[f"{name}_FOLDER"]) for name in ("FILES", "UPLOAD", "IMPORT")}
    new = [
        add_file(folder / name, age=age)
        for age in (ABANDONED + 60, ABANDONED - 60)
        for folder, name in (
            (folders["FILES"] / "aa", f"aa{int(age):030x}"),  # no house has it
            (folders["FILES"], f".{age}.part"),
            (folders["UPLOAD"], f".{age}.part"),
            (folders["IMPORT"], f"{age}-waiting"),
        )
    ][4:]
    result = add_file(folders["UPLOAD"] / "a file of a lesson", age=ABANDONED * 2)

    assert await housekeeping.tidy(app) == Tidied(1, 0, 1, 1, 3, 0)
    assert await housekeeping.tidy(app) == Tidied(0, 0, 0, 0, 0, 0)

    assert all(path.exists() for path in [*new, result])
    assert await DatabaseSessionStore(database).get("recent") is not None
    new[-1].unlink()  # no other test empties this folder


@pytest.mark.parametrize("backend", BACKENDS)
async def test_of_an_account_with_very_many_sessions_those_used_last_go_on(
    app: Quart, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("MOST", 5), ("BATCH", 3), ("AT_ONCE", 7)):
        monkeypatch.setattr(sessions, name, value)
    ann, bob = [await api_for(app, username=name) for name in ("ann", "bob")]
    hers = f"{ann.account_id}:ann"

    async with app.app_context():
        meanwhile = asyncio.create_task(housekeeping.tidy(app))
        made = await asyncio.gather(*(start_session(hers, manager=NAME) for _ in range(20)))
    ended = [(await meanwhile).surplus, (await housekeeping.tidy(app)).surplus]

    assert sum(ended) == 16  # of all, and the one that she had before
    states = [(await Api(app, each.access_token).get("/me")).status_code for each in made]
    assert Counter(states) == {200: 5, 401: 15}
    assert (await bob.get("/me")).status_code == 200
    async with database.reading() as db:
        rows = list(await db.scalars(select(LoginSession).where(LoginSession.subject == hers)))
    over = [row.last_used_at for row in rows if row.revoked_at is not None]
    assert max(over) <= min(row.last_used_at for row in rows if row.revoked_at is None)
    assert (await housekeeping.tidy(app)).surplus == 0


@pytest.mark.parametrize("backend", BACKENDS)
async def test_a_session_that_is_used_meanwhile_is_not_ended(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST", 1)
    for n in range(3):
        await add_session(database, f"s{n}", ended=timedelta(minutes=-30 - n))
    store = DatabaseSessionStore(database)
    really = store._write

    async def write(statement: Any) -> int:
        async with database.writing() as db:
            await db.execute(
                update(LoginSession).where(LoginSession.id == "s0").values(last_used_at=now())
            )
        return await really(statement)

    monkeypatch.setattr(store, "_write", write)

    assert await store.end_surplus(now=now()) == 1

    kept = [await store.get(f"s{n}") for n in range(3)]
    reasons = [session and session.revoked_reason for session in kept]
    assert reasons == [None, "too many", None]


async def test_two_applications_do_the_work_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[bool] = []
    done: list[Quart] = []
    really = housekeeping.take_turn

    async def take_turn(_own: Database, **values: object) -> bool:
        turns.append(await really(database, at=now().replace(hour=0)))
        return turns[-1]

    async def tidy(app: Quart) -> Tidied:
        done.append(app)
        return Tidied(0, 0, 0, 0, 0, 0)

    monkeypatch.setattr(housekeeping, "FIRST", SOON)
    monkeypatch.setattr(housekeeping, "take_turn", take_turn)
    monkeypatch.setattr(housekeeping, "tidy", tidy)
    async with kept(database), kept(database):
        await until(lambda: len(turns) == 2)

    assert sorted(turns) == [False, True]
    assert len(done) == 1


async def test_what_goes_wrong_is_logged_and_the_next_turn_comes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    turns: list[str] = []

    async def take_turn(_database: Database, **_values: object) -> bool:
        turns.append("")
        if len(turns) == 1:
            raise ConnectionError("the database is away")
        return False

    monkeypatch.setattr(housekeeping, "FIRST", SOON)
    monkeypatch.setattr(housekeeping, "PAUSE", (0.001, 0.001))
    monkeypatch.setattr(housekeeping, "take_turn", take_turn)
    async with temporary_app() as app:
        app.add_background_task(housekeeping.keep_house, app)
        await until(lambda: len(turns) > 1)

    (record,) = [r for r in caplog.records if "Housekeeping failed" in r.message]
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "the database is away"


@pytest.mark.parametrize("busy", [True, False], ids=["at work", "waiting"])
async def test_a_server_keeps_its_house_and_a_stop_does_not_wait_for_that(
    busy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Quart] = []

    async def tidy(app: Quart) -> Tidied:
        begun.append(app)
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    monkeypatch.setattr(housekeeping, "FIRST", SOON if busy else NEVER)
    monkeypatch.setattr(housekeeping, "take_turn", always)
    monkeypatch.setattr(housekeeping, "tidy", tidy)
    settings = load_settings(_env_file=None, instance_path=tmp_path, database_url="")
    served = application(settings, lesson=None, debug=False)
    async with asyncio.timeout(30):
        async with served.test_app():
            await until(lambda: begun or not busy)
            asked = time.monotonic()
        assert time.monotonic() - asked < 3.0  # Quart itself would wait for five seconds
    assert begun == [served] * busy
