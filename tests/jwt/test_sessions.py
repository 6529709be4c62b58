"""Sessions: signing in and out, the list of them, and what ends at once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from quart import Quart, Response
from werkzeug.http import parse_cookie

import quartapp.jwt as ours
from quartapp.jwt import JWTManager, MemorySessionStore
from quartapp.jwt.to_the_end import to_the_end
from tests.jwt.session_app import IDLE, REVOKED, build_world
from tests.jwt.support import KEY, VIEW_STYLES, token


@pytest.mark.parametrize("style", VIEW_STYLES)
async def test_signing_out_ends_both_tokens_at_once(style: str) -> None:
    world = build_world(style=style)
    tokens = await world.sign_in()
    assert await world.me(tokens) == 200

    assert await world.call("POST", "/logout", tokens["access_token"]) == (200, {"ended": True})

    assert await world.call("GET", "/me", tokens["access_token"]) == REVOKED
    assert await world.refresh(tokens) == REVOKED
    assert await world.call("POST", "/logout", tokens["refresh_token"]) == (200, {"ended": False})
    # Elsewhere the access token lives its short life.
    assert (await world.call("GET", "/stateless", tokens["access_token"]))[0] == 200


async def test_a_rotated_access_token_of_a_live_session_stays_good() -> None:
    world = build_world()
    first = await world.sign_in()
    await world.rotated(first)

    assert await world.me(first) == 200


async def test_the_list_shows_what_there_is() -> None:
    world = build_world()
    signed_in = world.clock.now
    phone = await world.sign_in(**{"User-Agent": "Phone\t☎ " + "x" * 300})
    world.clock.advance(timedelta(minutes=1))
    laptop = await world.sign_in(**{"User-Agent": "Laptop"})
    await world.sign_in("eve")
    world.clock.advance(timedelta(minutes=1))
    phone |= await world.rotated(phone)

    _, listed = await world.call("GET", "/sessions", laptop["access_token"])

    assert [each["id"] for each in listed] == [phone["session_id"], laptop["session_id"]]
    assert listed[0]["device"].startswith("Phone\N{REPLACEMENT CHARACTER}")
    assert len(listed[0]["device"]) == 255
    assert listed[0]["created"] == signed_in.isoformat()
    assert listed[0]["last_used"] == world.clock.now.isoformat()
    assert listed[1]["address"] == "<local>"


async def test_one_device_is_signed_out_from_another() -> None:
    world = build_world()
    phone, laptop = await world.sign_in(), await world.sign_in()

    path = f"/sessions/{phone['session_id']}"
    assert await world.call("DELETE", path, laptop["access_token"]) == (200, {"ended": True})

    assert await world.refresh(phone) == REVOKED
    assert await world.me(laptop) == 200


async def test_nobody_ends_the_session_of_somebody_else() -> None:
    world = build_world()
    bob, eve = await world.sign_in("bob"), await world.sign_in("eve")

    for session_id in (bob["session_id"], "x", "%F0%9F%98%80", "0" * 32):
        path = f"/sessions/{session_id}"
        assert await world.call("DELETE", path, eve["access_token"]) == (200, {"ended": False})

    assert await world.me(bob) == 200


@pytest.mark.parametrize(("query", "count", "own"), [("", 2, 401), ("?keep", 1, 200)])
async def test_everything_of_a_user_is_ended(query: str, count: int, own: int) -> None:
    world = build_world()
    here, there, eve = [await world.sign_in(name) for name in ("bob", "bob", "eve")]

    answer = await world.call("POST", f"/logout/everywhere{query}", here["access_token"])

    assert answer == (200, {"ended": count})
    assert [await world.me(each) for each in (here, there, eve)] == [own, 401, 200]
    assert await world.refresh(there) == REVOKED


async def test_one_access_token_is_revoked_and_the_session_lives() -> None:
    world = build_world()
    first = await world.sign_in()
    second = await world.rotated(first)

    await world.call("POST", "/revoke", second["access_token"], json={})

    assert await world.me(second) == 401
    assert await world.me(first) == 200
    await world.rotated(second)


async def test_revoking_a_refresh_token_ends_its_session() -> None:
    world = build_world()
    first, other = await world.sign_in(), await world.sign_in()

    sent = {"token": first["refresh_token"]}
    assert (await world.call("POST", "/revoke", other["access_token"], json=sent))[0] == 200

    assert await world.me(first) == 401
    assert await world.refresh(first) == REVOKED
    assert await world.me(other) == 200


@pytest.mark.parametrize("exp", [1, -1, 0, True, None, "x", 10**30, float("inf")])
async def test_a_token_is_revoked_whatever_its_end(exp: Any) -> None:
    world = build_world()
    here = await world.sign_in()
    sent = {"token": token(exp=exp, sid=here["session_id"])}

    assert (await world.call("POST", "/revoke", here["access_token"], json=sent))[0] == 200
    assert await world.me(here) == 200


async def test_sessions_live_in_cookies_too() -> None:
    world = build_world(TOKEN_LOCATION=["cookies"])

    @world.app.post("/cookies/login")
    async def cookies_login() -> Response:
        return await with_cookies(await ours.start_session("bob"))

    @world.app.post("/cookies/refresh")
    @ours.jwt_required(refresh=True)
    async def cookies_refresh() -> Response:
        return await with_cookies(await ours.rotate_session())

    client = world.app.test_client()
    csrf = await csrf_value(await client.post("/cookies/login"))
    assert (await client.post("/cookies/refresh")).status_code == 401
    for _ in range(3):
        response = await client.post("/cookies/refresh", headers={"X-CSRF-TOKEN": csrf})
        csrf = await csrf_value(response)
    assert (await client.get("/me")).status_code == 200


async def with_cookies(tokens: ours.SessionTokens) -> Response:
    response = Response("")
    await ours.set_access_cookies(response, tokens.access_token)
    await ours.set_refresh_cookies(response, tokens.refresh_token)
    return response


async def csrf_value(response: Any) -> str:
    assert response.status_code == 200
    cookies = [parse_cookie(each) for each in response.headers.getlist("Set-Cookie")]
    return next(str(each["csrf_refresh_token"]) for each in cookies if "csrf_refresh_token" in each)


async def test_a_token_without_a_session_does_not_pass_where_one_is_asked_for() -> None:
    world = build_world()

    assert await world.call("GET", "/me", token()) == (422, {"msg": "Missing claim: sid"})
    assert (await world.call("GET", "/stateless", token()))[0] == 200


async def test_the_blocklist_is_asked_before_the_session() -> None:
    world = build_world()
    asked: list[str] = []
    manager: JWTManager = world.app.extensions["flask-jwt-extended"]

    @manager.token_in_blocklist_loader
    def blocked(*_: Any) -> bool:
        asked.append("blocklist")
        return False

    @manager.token_verification_loader
    def welcome(*_: Any) -> bool:
        asked.append("verification")
        return True

    tokens = await world.sign_in()
    await ended(world.app, tokens["session_id"])

    assert await world.me(tokens) == 401
    assert asked == ["blocklist"]


async def ended(app: Quart, session_id: str) -> None:
    async with app.app_context():
        assert await ours.revoke_session(session_id)


async def test_a_custom_answer_stands_for_revoked_sessions_too() -> None:
    world = build_world()
    manager: JWTManager = world.app.extensions["flask-jwt-extended"]
    manager.revoked_token_loader(lambda _, claims: ({"gone": claims["sid"]}, 410))
    tokens = await world.sign_in()
    await ended(world.app, tokens["session_id"])

    assert await world.refresh(tokens) == (410, {"gone": tokens["session_id"]})
    assert await world.call("GET", "/me", tokens["access_token"]) == (
        410,
        {"gone": tokens["session_id"]},
    )


async def test_without_a_store_it_is_a_mistake_of_the_program() -> None:
    app = Quart("no store")
    app.config["JWT_SECRET_KEY"] = KEY
    JWTManager(app)

    async with app.app_context():
        with pytest.raises(RuntimeError, match="use_sessions"):
            await ours.start_session("bob")


@pytest.mark.parametrize(
    "times", [{"idle": 0}, {"lifetime": timedelta(0)}, {"grace": -1}, {"idle": -5}]
)
def test_times_that_make_no_sense_are_refused(times: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        JWTManager().use_sessions(MemorySessionStore(), **times)


def test_times_are_given_in_seconds_too() -> None:
    manager = JWTManager()
    manager.use_sessions(MemorySessionStore(), idle=60, lifetime=3600.5, grace=0)

    assert manager.sessions is not None
    assert manager.sessions.lifetime == timedelta(hours=1, milliseconds=500)


@pytest.mark.parametrize("subject", ["", "n" * 256, "a\0b", "\ud800", "line\nline"])
async def test_a_subject_that_cannot_be_kept_is_refused(subject: str) -> None:
    world = build_world()

    async with world.app.app_context():
        with pytest.raises(ValueError, match="1 to 255 characters"):
            await ours.start_session(subject)


async def test_managers_do_not_take_each_others_sessions() -> None:
    world = build_world()
    api = JWTManager(world.app, name="api")
    world.app.config["API_JWT_SECRET_KEY"] = KEY + "!"
    api.use_sessions(world.store)

    @world.app.get("/api")
    @ours.jwt_required(manager="api", check_session=True)
    async def view() -> dict[str, Any]:
        return {}

    async with world.app.app_context():
        tokens = await ours.start_session("bob", manager="api")
    bobs = await world.sign_in()

    assert (await world.call("GET", "/api", tokens.access_token))[0] == 200
    assert (await world.call("GET", "/api", bobs["access_token"]))[0] == 422
    assert (await world.call("GET", "/me", tokens.access_token))[0] == 422


async def test_a_session_started_outside_of_a_request_has_no_address() -> None:
    world = build_world()

    async with world.app.app_context():
        await ours.start_session("bob", device="cron")
        (session,) = await ours.list_sessions("bob")

    assert (session.address, session.device) == ("", "cron")


async def test_revoked_sessions_are_pruned_when_they_would_have_expired() -> None:
    world = build_world()
    tokens = await world.sign_in()
    await ended(world.app, tokens["session_id"])

    assert await world.store.prune(now=world.clock.now + IDLE - timedelta(seconds=1)) == 0
    assert await world.store.prune(now=world.clock.now + IDLE) == 1
    assert await world.refresh(tokens) == REVOKED


async def test_work_that_fails_after_a_cancellation_is_not_lost_from_sight() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(0.01)
        raise OSError("away")

    task = asyncio.create_task(to_the_end(work()))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(OSError, match="away"):
        await to_the_end(work())


async def test_a_revoked_token_stays_refused_within_its_leeway() -> None:
    world = build_world(DECODE_LEEWAY=3600, ACCESS_TOKEN_EXPIRES=60)
    tokens = await world.sign_in()
    await world.call("POST", "/revoke", tokens["access_token"], json={})
    assert await world.me(tokens) == 401

    world.clock.advance(timedelta(minutes=30))
    await world.store.prune(now=world.clock.now)
    assert await world.me(tokens) == 401


async def test_a_subject_may_be_named_as_the_identity_it_was_given_as() -> None:
    world = build_world(VERIFY_SUB=False)
    subject: Any = 7
    async with world.app.test_request_context("/"):
        started = await ours.start_session(7)
        assert [each.id for each in await ours.list_sessions(subject)] == [started.session_id]
        assert not await ours.revoke_session(started.session_id, subject="8")
        assert await ours.revoke_all_sessions(subject) == 1
