"""Rotation on bad days: clients that hang up, callbacks that fail, thieves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import jwt as pyjwt
import pytest

import quartapp.jwt as ours
from quartapp.jwt import MemorySessionStore, Session
from quartapp.jwt.session_store import Rotation
from quartapp.jwt.session_tokens import digest_of
from tests.jwt.session_app import REVOKED, Clock, World, build_world

TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


def read(token: str) -> dict[str, Any]:
    return dict(pyjwt.decode(token, options={"verify_signature": False}))


async def hang_up(world: World, tokens: dict[str, Any], reached: asyncio.Event) -> None:
    """Refresh, and end the connection when the store has been reached."""
    headers = {"Authorization": f"Bearer {tokens['refresh_token']}"}
    client = world.app.test_client()
    async with client.request("/refresh", method="POST", headers=headers) as connection:
        await connection.send_complete()
        await reached.wait()
        await connection.disconnect()


async def test_a_client_who_hangs_up_does_not_stop_the_revocation() -> None:
    class Slow(MemorySessionStore):
        reached: asyncio.Event

        async def revoke(
            self, session_id: str, *, now: datetime, reason: str, subject: str | None = None
        ) -> bool:
            self.reached.set()
            await asyncio.sleep(0.05)
            return await super().revoke(session_id, now=now, reason=reason, subject=subject)

    store = Slow()
    store.reached = asyncio.Event()
    world = build_world(store)
    first = await world.sign_in()
    second = await world.rotated(first)
    world.clock.advance(MINUTE)
    await hang_up(world, first, store.reached)

    assert await world.refresh(second) == REVOKED
    assert len(world.reused) == 1


async def test_a_client_who_hangs_up_leaves_no_half_a_rotation() -> None:
    class Slow(MemorySessionStore):
        reached: asyncio.Event

        async def rotate(self, step: Rotation) -> bool:
            self.reached.set()
            await asyncio.sleep(0.02)
            return await super().rotate(step)

    store = Slow()
    store.reached = asyncio.Event()
    world = build_world(store)
    first = await world.sign_in()
    await hang_up(world, first, store.reached)

    # The step was taken, its reply lost: it is given again.
    session = await store.get(first["session_id"])
    assert session is not None
    assert session.generation == 2
    second = await world.rotated(first)
    assert session.digest == digest_of(second["refresh_token"])


async def test_a_failing_event_does_not_save_the_thief(caplog: pytest.LogCaptureFixture) -> None:
    world = build_world()
    manager: ours.JWTManager = world.app.extensions["flask-jwt-extended"]
    assert manager.sessions is not None

    def broken(session: Session) -> None:
        raise OSError("no mail today")

    manager.sessions = replace(manager.sessions, on_reuse=broken)
    first = await world.sign_in()
    second = await world.rotated(first)
    world.clock.advance(MINUTE)

    assert await world.refresh(first) == REVOKED
    assert await world.refresh(second) == REVOKED
    assert "on_reuse failed" in caplog.text


async def test_a_clock_that_is_behind_still_gives_the_successor() -> None:
    store = MemorySessionStore()
    one = build_world(store)
    other = build_world(store, clock=Clock(one.clock.now - MINUTE))
    first = await one.sign_in()
    second = await one.rotated(first)

    again = await other.rotated(first)

    assert read(again["refresh_token"]) == read(second["refresh_token"])


async def test_the_session_of_somebody_else_cannot_be_taken_over() -> None:
    world = build_world()

    @world.app.post("/swap")
    @ours.jwt_required(refresh=True)
    async def swap() -> dict[str, Any]:
        with pytest.raises(ValueError, match="somebody else"):
            await ours.rotate_session(identity="eve")
        return {}

    first = await world.sign_in()
    status, _ = await world.call("POST", "/swap", first["refresh_token"])

    assert status == 200
    await world.rotated(first)


async def test_the_identity_is_given_to_the_callbacks_again() -> None:
    world = build_world()
    manager: ours.JWTManager = world.app.extensions["flask-jwt-extended"]
    manager.user_identity_loader(lambda user: user["name"])
    manager.additional_claims_loader(lambda user: {"shoe": user["shoe"]})

    @world.app.post("/user-login")
    async def user_login() -> dict[str, Any]:
        return (await ours.start_session({"name": "bob", "shoe": 42})).as_dict()

    @world.app.post("/user-refresh")
    @ours.jwt_required(refresh=True)
    async def user_refresh() -> dict[str, Any]:
        return (await ours.rotate_session(identity={"name": "bob", "shoe": 43})).as_dict()

    response = await world.app.test_client().post("/user-login")
    first = await response.get_json()
    _, second = await world.call("POST", "/user-refresh", first["refresh_token"])
    _, again = await world.call("POST", "/user-refresh", first["refresh_token"])

    assert [read(each["access_token"])["shoe"] for each in (first, second, again)] == [42, 43, 43]
    assert again["refresh_token"] == second["refresh_token"]


async def test_a_callback_cannot_make_two_tokens_of_a_session_alike() -> None:
    world = build_world(COOKIE_CSRF_PROTECT=False)
    manager: ours.JWTManager = world.app.extensions["flask-jwt-extended"]
    manager.additional_claims_loader(lambda _: {"jti": "1", "iat": 1, "nbf": 1, "sid": "x"})
    first = await world.sign_in()
    second = await world.rotated(first)
    world.clock.advance(MINUTE)

    assert await world.refresh(first) == REVOKED
    assert await world.refresh(second) == REVOKED


@pytest.mark.parametrize(
    "options", [{"PROFILE": "strict", "ENCODE_ISSUER": "us", "ENCODE_AUDIENCE": "api"}]
)
async def test_the_strict_profile_keeps_sessions_too(options: dict[str, Any]) -> None:
    world = build_world(**options)
    first = await world.sign_in()
    second = await world.rotated(first)
    again = await world.rotated(first)

    assert again["refresh_token"] == second["refresh_token"]
    assert await world.me(again) == 200


@pytest.mark.parametrize("path", ["/me-refresh", "/me-any"])
async def test_a_used_refresh_token_passes_no_check_and_ends_the_session(path: str) -> None:
    world = build_world(grace=timedelta(0))
    guards: dict[str, dict[str, Any]] = {
        "/me-refresh": {"refresh": True},
        "/me-any": {"verify_type": False},
    }

    @world.app.get(path)
    @ours.jwt_required(check_session=True, **guards[path])
    async def checked() -> dict[str, Any]:
        return {"me": ours.get_jwt_identity()}

    first = await world.sign_in()
    assert (await world.call("GET", path, first["refresh_token"]))[0] == 200
    second = await world.rotated(first)

    assert await world.call("GET", path, first["refresh_token"]) == REVOKED
    assert len(world.reused) == 1
    assert await world.refresh(second) == REVOKED


@pytest.mark.parametrize("after_the_first", [False, True], ids=["at once", "within the grace"])
async def test_a_rotation_for_somebody_else_is_an_error(after_the_first: bool) -> None:
    world = build_world()
    tokens = await world.sign_in()
    if after_the_first:
        await world.rotated(tokens)

    async with world.app.test_request_context(
        "/", headers={"Authorization": f"Bearer {tokens['refresh_token']}"}
    ):
        await ours.verify_jwt_in_request(refresh=True)
        with pytest.raises(ValueError, match="somebody else"):
            await ours.rotate_session(identity="mallory")
