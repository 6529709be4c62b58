"""Logins that nobody means: too large, too many, broken off. Nothing of them is left."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import click
import pytest
from nacl.pwhash import argon2id
from quart import Quart
from werkzeug.datastructures import Headers

from quartapp.testing import MakeUser, User
from quartapp.web.login import app_passwords
from tests.web.wire import in_chunks, speak

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
PAGE, API, LESSON = "/login", "/api/v1/auth/sign-in", "/lessons/jwt/login"
WAYS = [(PAGE, FORM), (API, JSON), (LESSON, FORM)]
WELCOME = {PAGE: 303, API: 200, LESSON: 200}
MARGIN = 4 * 2**20  # bytes: 10,000 names that were kept would take more

every_way = pytest.mark.parametrize(("path", "kind"), WAYS, ids=["page", "api", "lesson"])


def body_of(kind: str, username: str, password: str) -> bytes:
    typed = {"username": username, "password": password}
    return (json.dumps(typed) if kind == JSON else urlencode(typed)).encode()


async def log_in(app: Quart, path: str, kind: str, username: str, password: str) -> int:
    """Try it; the status."""
    body = in_chunks(body_of(kind, username, password))
    return (await speak(app, path, body, content_type=kind)).status


async def check_that_all_is_free(app: Quart, user: User) -> None:
    """No slot of the pool is taken, and people sign in as ever."""
    load = app_passwords(app).load()
    assert (load.waiting, load.running) == (0, 0)
    for path, kind in WAYS:
        assert await log_in(app, path, kind, user.username, user.password) == WELCOME[path]


class Hashes:
    """Runs of Argon2: their number, and a gate at which they wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = 0
        self.open = threading.Event()
        self.open.set()
        for name in ("str", "verify"):
            monkeypatch.setattr(argon2id, name, self._gated(getattr(argon2id, name)))

    def _gated(self, run: Any) -> Any:
        def wait_and_run(*args: Any, **kwargs: Any) -> Any:
            self.begun += 1
            self.open.wait(20)
            return run(*args, **kwargs)

        return wait_and_run


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hashes]:
    """What is hashed."""
    made = Hashes(monkeypatch)
    yield made
    made.open.set()


@every_way
async def test_a_login_of_ten_megabytes_or_a_password_of_one_is_refused_before_it_is_hashed(
    path: str, kind: str, app: Quart, make_user: MakeUser, hashes: Hashes
) -> None:
    user = await make_user()
    hashes.begun = 0
    assert await log_in(app, path, kind, user.username, "x" * 10**7) == 413
    assert await log_in(app, path, kind, "x" * 10**7, user.password) == 413
    assert await log_in(app, path, kind, user.username, "x" * 10**6) in {413, 422}
    assert hashes.begun == 0
    await check_that_all_is_free(app, user)


async def test_of_right_and_wrong_ones_at_once_each_gets_its_own_answer(
    app: Quart, make_user: MakeUser
) -> None:
    users = [await make_user() for _ in range(5)]

    async def both(number: int) -> tuple[int, int, int]:
        path, kind = WAYS[number % 3]
        name, password = users[number % 5].username, users[number % 5].password
        right, wrong = await asyncio.gather(
            log_in(app, path, kind, name, password), log_in(app, path, kind, name, "wrong")
        )
        return right, wrong, WELCOME[path]

    for right, wrong, welcome in await asyncio.gather(*map(both, range(15))):
        assert (right, wrong) == (welcome, 401)
    await check_that_all_is_free(app, users[0])


@every_way
@pytest.mark.parametrize("step", ["half a body", "in the queue", "while hashing"])
async def test_of_clients_that_hang_up_nothing_is_left(
    step: str, path: str, kind: str, app: Quart, make_user: MakeUser, hashes: Hashes
) -> None:
    user = await make_user()
    body = body_of(kind, user.username, "wrong")
    threads = app_passwords(app).load().threads
    hashes.open.clear()
    async with AsyncExitStack() as stack:
        clients = [await asking(app, stack, path, kind) for _ in range(threads + 5)]
        for client in clients:
            await client.send(body[:5])
            if step != "half a body":
                await client.send(body[5:])
                await client.send_complete()
        if step != "half a body":
            async with asyncio.timeout(10):
                while app_passwords(app).load().waiting < 5:  # noqa: ASYNC110 - nobody is told
                    await asyncio.sleep(0.001)
        leaving = clients if step != "in the queue" else clients[threads:]
        for client in leaving:
            await client.disconnect()
        hashes.open.set()
    async with asyncio.timeout(10):
        while app_passwords(app).load().running:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.001)
    await check_that_all_is_free(app, user)


@every_way
async def test_of_one_who_hangs_up_in_mid_answer_nothing_is_left(
    path: str, kind: str, app: Quart, make_user: MakeUser
) -> None:
    user = await make_user()
    answering = asyncio.Event()
    said = [body_of(kind, user.username, user.password)]

    async def receive() -> dict[str, Any]:
        if said:
            return {"type": "http.request", "body": said.pop(), "more_body": False}
        await answering.wait()
        return {"type": "http.disconnect"}

    async def send(event: dict[str, Any]) -> None:
        answering.set()
        for _ in range(10):
            await asyncio.sleep(0)

    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-type", kind.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "extensions": {},
    }
    async with asyncio.timeout(20):
        await app(scope, receive, send)  # type: ignore[arg-type]
    await check_that_all_is_free(app, user)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_ten_thousand_names_that_nobody_has_leave_no_memory_behind(
    app: Quart, make_user: MakeUser, caplog: pytest.LogCaptureFixture
) -> None:
    user = await make_user()
    caplog.set_level(logging.CRITICAL, "quartapp")  # what is logged is kept until the test ends

    async def try_names(count: int) -> int:
        """The memory after so many more."""
        for number in range(count):
            path, kind = WAYS[number % 3]
            assert await log_in(app, path, kind, f"nobody-{uuid4()}", "wrong") in {401, 429}
        gc.collect()
        return await asyncio.to_thread(resident)

    before = await try_names(1000)  # whatever is made once is made
    after = await try_names(10_000)
    click.echo(f"{(after - before) / 1024:.0f} KiB more after 10,000 names")
    assert after - before < MARGIN
    await check_that_all_is_free(app, user)


def resident() -> int:
    """The memory that this process has, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def asking(app: Quart, stack: AsyncExitStack, path: str, kind: str) -> Any:
    """Return a client that is about to send a body."""
    headers = Headers({"Content-Type": kind})
    request: Any = app.test_client().request(path, method="POST", headers=headers)
    return await stack.enter_async_context(request)
