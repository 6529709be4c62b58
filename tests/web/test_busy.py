"""More logins than the machine can hash in time: some are told to come back, none is lost."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlencode

from quart import Quart
from werkzeug.datastructures import Headers

from quartapp.testing import temporary_app
from quartapp.web.login import app_passwords

FORM = {"username": "nobody", "password": "wrong"}
ADDRESS = "/lessons/jwt/login"
DEAR: dict[str, Any] = {"password_time_cost": 2, "password_memory_kib": 19456}  # as in earnest


async def test_who_would_wait_too_long_gets_503_and_when_to_come_back() -> None:
    async with temporary_app(login_max_wait=0.05, **DEAR) as app:
        answers = await asyncio.gather(
            *(app.test_client().post(ADDRESS, form=FORM) for _ in range(50))
        )
        left = app_passwords(app).load()

    told = [answer for answer in answers if answer.status_code == 503]
    assert {answer.status_code for answer in answers} == {401, 503}
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in told)
    assert {(await answer.get_json())["code"] for answer in told} == {"busy"}
    assert (left.waiting, left.running) == (0, 0)


async def test_clients_that_hang_up_leave_nothing_to_be_hashed() -> None:
    async with temporary_app(**DEAR) as app, AsyncExitStack() as stack:
        clients = [await asking(app, stack) for _ in range(50)]
        while not app_passwords(app).load().waiting:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.001)

        for client in clients:
            await client.disconnect()
        await stack.aclose()

        assert app_passwords(app).load().waiting == 0
        assert sum(client.status_code is not None for client in clients) < 25
        assert (await app.test_client().post(ADDRESS, form=FORM)).status_code == 401


async def asking(app: Quart, stack: AsyncExitStack) -> Any:
    """Return a client that has sent its name and password, and waits."""
    headers = Headers({"Content-Type": "application/x-www-form-urlencoded"})
    request: Any = app.test_client().request(ADDRESS, method="POST", headers=headers)
    client = await stack.enter_async_context(request)
    await client.send(urlencode(FORM).encode())
    await client.send_complete()
    return client
