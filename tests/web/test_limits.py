"""Who fails too often waits; nobody else does, and nobody learns who has an account."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from quart import Quart
from werkzeug.datastructures import Headers

from quartapp.accounts import service
from quartapp.accounts.passwords import Passwords
from quartapp.testing import BY, PASSWORD, User, api_client_for, new_user, temporary_app
from quartapp.web.db import app_database
from quartapp.web.login import app_passwords
from quartapp.web.windows import InProcess
from tests.web.api.conftest import Api

LIMIT = 3
QUARTER = 15 * 60


class Clock:
    """The time of a test, which passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_900_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were hashed, of known names and of unknown ones."""
    found: list[str] = []
    verify, make = Passwords.verify, Passwords.hash

    async def verify_and_tell(self: Passwords, encoded: str, password: str) -> bool:
        found.append(password)
        return await verify(self, encoded, password)

    async def hash_and_tell(self: Passwords, password: str, **more: Any) -> str:
        found.append(password)
        return await make(self, password, **more)

    monkeypatch.setattr(Passwords, "verify", verify_and_tell)
    monkeypatch.setattr(Passwords, "hash", hash_and_tell)
    return found


@pytest.fixture(params=["process", "redis"])
def redis_or_not(request: pytest.FixtureRequest) -> str:
    return "" if request.param == "process" else str(request.getfixturevalue("redis_url"))


@asynccontextmanager
async def limited(**settings: Any) -> AsyncIterator[tuple[Quart, User]]:
    """An application with a low limit, and ann, who has an account."""
    async with temporary_app(**{"login_rate_limit": LIMIT} | settings) as app:
        yield app, await new_user(app, username="ann")


def at(address: str = "203.0.113.1") -> dict[str, Any]:
    return {"scope_base": {"client": (address, 4711)}}


async def by_api(
    app: Quart, name: str, password: str = "wrong", *, address: str = "203.0.113.1", **headers: str
) -> Any:
    body = {"username": name, "password": password}
    client = app.test_client(use_cookies=False)
    return await client.post("/api/v1/auth/sign-in", json=body, headers=headers, **at(address))


async def by_page(client: Any, name: str, password: str = "wrong", **more: Any) -> Any:
    form = {"username": name, "password": password, "stay": "1", "next": "/houses"}
    return await client.post("/login", form=form, **(at() | more))


async def fail(app: Quart, name: str, times: int = LIMIT, **more: Any) -> None:
    for _ in range(times):
        assert (await by_api(app, name, **more)).status_code == 401


async def test_who_has_failed_too_often_is_told_when_to_come_back_and_may_then(
    redis_or_not: str, clock: Clock, hashed: list[str]
) -> None:
    async with limited(redis_url=redis_or_not) as (app, ann):
        for _ in range(LIMIT):
            await fail(app, "ann", 1)
            clock.now += 100
        del hashed[:]
        refused = await by_api(app, "ann", ann.password)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "600")
        assert (await refused.get_json())["code"] == "rate-limited"
        assert hashed == []

        clock.now += 600.5
        assert (await by_api(app, "ann", ann.password)).status_code == 200
        await fail(app, "ann", 1)
        # The window moves on: the second failure is the oldest one now.
        assert (await by_api(app, "ann", ann.password)).headers["Retry-After"] == "100"

        clock.now += QUARTER + 1
        await fail(app, "ann", LIMIT)
        assert (await by_api(app, "ann")).headers["Retry-After"] == str(QUARTER)


async def test_a_person_is_told_by_the_form_itself_which_keeps_what_was_typed(
    clock: Clock,
) -> None:
    async with limited() as (app, _):
        client = app.test_client()
        for _ in range(LIMIT):
            assert (await by_page(client, "ann")).status_code == 401
        clock.now += 61
        answer = await by_page(client, "ann")
        page = await answer.get_data(as_text=True)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "839")
    assert "Wait 14 minutes" in page
    assert 'value="ann"' in page
    assert 'name="next" value="/houses"' in page
    assert " checked" in page


async def test_names_that_nobody_has_are_treated_like_those_of_accounts(clock: Clock) -> None:
    async with limited() as (app, _):
        bob = await new_user(app, username="bob")
        async with app_database(app).writing() as db:
            await service.disable(db, id=bob.id, by=BY)
        heard = []
        for name in ("ann", "bob", "nobody", "n" * 5000, "ann\0", "Ann"):
            answers = [await by_api(app, name) for _ in range(LIMIT + 2)]
            told = [{**await each.get_json(), "request_id": ""} for each in answers]
            answers += [await by_page(app.test_client(), name) for _ in range(2)]
            heard.append((told, [(a.status_code, a.headers.get("Retry-After")) for a in answers]))

    assert heard[0][1] == [(401, None)] * LIMIT + [(429, str(QUARTER))] * 4
    assert heard == [heard[0]] * 6


async def test_a_success_neither_counts_nor_wipes_failures_out() -> None:
    async with limited() as (app, ann):
        await fail(app, "ann", LIMIT - 1)
        for _ in range(LIMIT + 1):
            assert (await by_api(app, "ann", ann.password)).status_code == 200
        await fail(app, "ann", 1)
        assert (await by_api(app, "ann", ann.password)).status_code == 429


async def test_a_browser_that_is_signed_in_passes_and_has_a_limit_of_its_own() -> None:
    async with limited() as (app, ann):
        mine, other = app.test_client(), app.test_client()
        bob = await new_user(app, username="bob")
        assert (await by_page(mine, "ann", ann.password)).status_code == 303
        assert (await by_page(other, "bob", bob.password)).status_code == 303
        await fail(app, "ann", address="198.51.100.1")

        assert (await by_page(app.test_client(), "ann", ann.password)).status_code == 429
        assert (await by_page(other, "ann", ann.password)).status_code == 429
        assert (await by_page(mine, "ann", ann.password)).status_code == 303
        for _ in range(LIMIT):
            assert (await by_page(mine, "ann")).status_code == 401
        assert (await by_page(mine, "ann", ann.password)).status_code == 429


async def test_a_browser_that_has_signed_out_does_not_pass() -> None:
    async with limited() as (app, ann):
        client = app.test_client()
        await by_page(client, "ann", ann.password)
        await client.post("/logout")
        await fail(app, "ann")
        assert (await by_page(client, "ann", ann.password)).status_code == 429


async def with_token(app: Quart, user: User, token: str) -> Any:
    """Sign in by the API; its answer must be one that its description names."""
    body = {"username": user.username, "password": user.password}
    return await Api(app, token).post("/auth/sign-in", json=body, **at())


async def test_a_program_passes_with_a_token_of_either_kind_of_a_live_session() -> None:
    async with limited() as (app, ann):
        tokens = await (await by_api(app, "ann", ann.password)).get_json()
        await new_user(app, username="bob")
        theirs = await (await by_api(app, "bob", PASSWORD)).get_json()
        await fail(app, "ann")

        for kind in ("access_token", "refresh_token"):
            assert (await with_token(app, ann, tokens[kind])).status_code == 200
            assert (await with_token(app, ann, theirs[kind])).status_code == 429
        assert (await with_token(app, ann, "x.y.z")).status_code == 429
        await Api(app, tokens["refresh_token"]).post("/auth/revoke")
        assert (await with_token(app, ann, tokens["access_token"])).status_code == 429


@pytest.mark.parametrize("face", ["page", "api"])
async def test_who_has_got_hold_of_a_session_cannot_guess_the_password_in_it(
    face: str, hashed: list[str]
) -> None:
    async with limited() as (app, ann):
        browser, api = app.test_client(), Api(app, (await api_client_for(app, ann)).token)
        await by_page(browser, "ann", ann.password)

        async def change(current: str) -> Any:
            body = {"current": current, "new": "a password that is new"}
            if face == "api":
                return await api.put("/me/password", json=body, **at())
            form = {**body, "repeat": body["new"]}
            return await browser.post("/account/password", form=form, **at())

        statuses = [(await change("wrong")).status_code for _ in range(2 * LIMIT + 1)]
        del hashed[:]
        refused = await change(ann.password)

    assert statuses == [{"api": 422, "page": 400}[face]] * 2 * LIMIT + [429]
    assert (refused.status_code, hashed) == (429, [])
    assert int(refused.headers["Retry-After"]) <= QUARTER


async def test_an_address_may_fail_ten_times_as_often_as_an_account_whatever_the_names(
    redis_or_not: str, clock: Clock
) -> None:
    async with limited(login_rate_limit=1, redis_url=redis_or_not) as (app, ann):
        for number in range(10):
            await fail(app, f"name-{number}", 1, address="2001:db8:1:1::1")
        answer = await by_api(app, "ann", ann.password, address="2001:db8:1:1:ffff::2")
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, str(QUARTER))
        assert (
            await by_api(app, "ann", ann.password, address="2001:db8:1:2::1")
        ).status_code == 200
        clock.now += QUARTER + 1
        answer = await by_api(app, "ann", ann.password, address="2001:db8:1:1::1")
        assert answer.status_code == 200


async def test_many_people_behind_one_address_sign_in_at_once() -> None:
    async with limited(login_rate_limit=1) as (app, _):
        users = [await new_user(app) for _ in range(12)]
        answers = await asyncio.gather(*(by_api(app, u.username, PASSWORD) for u in users))
    assert {answer.status_code for answer in answers} == {200}


async def test_fifty_guesses_at_once_are_no_more_than_one_after_the_other(
    redis_or_not: str, hashed: list[str]
) -> None:
    async with AsyncExitStack() as stack:
        apps = [(await stack.enter_async_context(limited(redis_url=redis_or_not)))[0]]
        if redis_or_not:  # another server, which counts together with the first
            apps.append((await stack.enter_async_context(limited(redis_url=redis_or_not)))[0])
        del hashed[:]
        guesses = (by_api(apps[n % len(apps)], "ann", f"guess {n}") for n in range(50))
        answers = await asyncio.gather(*guesses)

    assert sorted(answer.status_code for answer in answers) == [401] * LIMIT + [429] * (50 - LIMIT)
    assert len(hashed) == LIMIT


async def test_right_passwords_of_one_account_at_once_wait_for_each_other_and_all_pass(
    redis_or_not: str,
) -> None:
    async with limited(redis_url=redis_or_not) as (app, ann):
        answers = await asyncio.gather(*(by_api(app, "ann", ann.password) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        # No failure, and every place is given back.
        await fail(app, "ann", LIMIT)


async def test_a_client_that_hangs_up_gives_its_place_back() -> None:
    dear: dict[str, Any] = {"password_time_cost": 60, "password_memory_kib": 19456}
    short: dict[str, Any] = {"login_max_wait": 0.1}
    limits: dict[str, Any] = {"login_rate_limit": 1, **dear, **short}
    async with limited(**limits) as (app, ann), AsyncExitStack() as stack:
        headers = Headers({"Content-Type": "application/x-www-form-urlencoded"})
        sent: Any = app.test_client().request("/login", method="POST", headers=headers, **at())
        client = await stack.enter_async_context(sent)
        await client.send(urlencode({"username": "ann", "password": "wrong"}).encode())
        await client.send_complete()
        while not app_passwords(app).load().running:  # noqa: ASYNC110 - nobody is told of it
            await asyncio.sleep(0.001)
        answer = await by_api(app, "ann", ann.password)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        await client.disconnect()
        await stack.aclose()
        assert (await by_api(app, "ann", ann.password)).status_code == 200


def test_ten_thousand_names_take_no_more_memory_than_the_table_has_room_for(clock: Clock) -> None:
    async def story() -> None:
        windows = InProcess(most_keys=100)
        await windows.fail("ann", 1)
        for number in range(10_000):
            clock.now += 0.01
            await windows.fail(f"name-{number}", LIMIT)
            for _ in range(2 * LIMIT):
                await windows.fail("busy", LIMIT)
            assert await windows.begin(f"name-{number}", LIMIT) == 0
            await windows.end(f"name-{number}")
        assert len(windows) == 100
        # Who failed longest ago is forgotten first, and who fails on is not.
        assert await windows.wait("ann", 1) == 0
        assert math.isclose(await windows.wait("busy", LIMIT), QUARTER)
        assert not windows.has_begun("name-1")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("settings", "statuses"),
    [
        ({}, {"203.0.113.1": 429, "127.0.0.1": 401, "::1": 401, "::ffff:127.0.0.2": 401}),
        ({"env": "production"}, {"203.0.113.1": 429, "127.0.0.1": 429, "::1": 429}),
        ({"env": "production", "login_rate_limit": 0}, {"203.0.113.1": 401, "127.0.0.1": 401}),
    ],
    ids=["development", "production", "off"],
)
async def test_whom_the_limit_is_for(settings: dict[str, Any], statuses: dict[str, int]) -> None:
    async with limited(**settings) as (app, _):
        for address, status in statuses.items():
            await fail(app, f"from {address}", address=address)
            answer = await by_api(app, f"from {address}", address=address)
            assert answer.status_code == status, address


async def test_lessons_are_never_limited() -> None:
    async with limited(env="production", lessons=True, login_rate_limit=1) as (app, ann):
        await fail(app, "ann", 1)
        client = app.test_client()
        for password, status in (("x", 401), ("y", 401), ("z", 401), (ann.password, 200)):
            form = {"username": "ann", "password": password}
            answer = await client.post("/lessons/jwt/login", form=form, **at())
            assert answer.status_code == status


@pytest.mark.parametrize(
    ("proxy", "told", "last"),
    [
        # From anybody else it is nothing: all come from one address.
        ("203.0.113.2", "198.51.100.{}", 429),
        # What a proxy adds stands last; what stands before, the client wrote itself.
        ("203.0.113.1", "127.0.0.1, 198.51.100.{}", 401),
        ("203.0.113.1", "127.0.0.{}, 198.51.100.7", 429),
    ],
    ids=["forged", "told", "forged-before"],
)
async def test_an_address_counts_that_a_trusted_proxy_tells_and_no_other(
    proxy: str, told: str, last: int
) -> None:
    async with limited(login_rate_limit=1, trusted_proxies=proxy) as (app, _):
        statuses = []
        for number in range(11):
            headers = {"X-Forwarded-For": told.format(number)}
            answer = await by_api(app, f"name-{number}", **headers)
            statuses.append(answer.status_code)
    assert statuses == [401] * 10 + [last]
