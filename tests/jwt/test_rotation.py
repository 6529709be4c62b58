"""Rotation: a refresh token is good once, and whoever shows it again ends the session."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import quartapp.jwt as ours
from quartapp.jwt import MemorySessionStore
from quartapp.jwt.session_store import Rotation
from tests.jwt.session_app import EXPIRED, GRACE, IDLE, LIFETIME, REVOKED, Clock, build_world
from tests.jwt.support import KEY, VIEW_STYLES

TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


def read(token: str) -> dict[str, Any]:
    return dict(pyjwt.decode(token, options={"verify_signature": False}))


@pytest.mark.parametrize("style", VIEW_STYLES)
async def test_a_rotation_gives_two_new_tokens_of_the_same_session(style: str) -> None:
    world = build_world(style=style)
    first = await world.sign_in()

    second = await world.rotated(first)

    assert second["refresh_token"] != first["refresh_token"]
    assert (second["token_type"], second["expires_in"]) == ("Bearer", 900)
    access, refresh = read(second["access_token"]), read(second["refresh_token"])
    assert access["sid"] == refresh["sid"] == first["session_id"]
    assert (access["type"], access["fresh"], access["role"]) == ("access", False, "clerk")
    assert read(first["access_token"])["fresh"] is True
    assert "role" not in refresh
    assert len({each["jti"] for each in (access, refresh, read(first["access_token"]))}) == 3
    assert await world.me(second) == 200


async def test_a_chain_of_rotations_is_one_row() -> None:
    world = build_world()
    tokens = await world.sign_in()
    for _ in range(20):
        world.clock.advance(MINUTE)
        tokens = await world.rotated(tokens)

    session = await world.store.get(read(tokens["access_token"])["sid"])

    assert session is not None
    assert session.generation == 21
    assert session.last_used_at == world.clock.now


@pytest.mark.parametrize("style", VIEW_STYLES)
async def test_a_token_used_after_the_grace_ends_the_whole_session(style: str) -> None:
    world = build_world(style=style)
    first = await world.sign_in()
    second = await world.rotated(first)
    world.clock.advance(GRACE)

    assert await world.refresh(first) == REVOKED
    # The revocation outlived the refusal.
    assert await world.refresh(second) == REVOKED
    assert await world.me(second) == 401
    (session,) = world.reused
    assert session.id == first["session_id"]
    kept = await world.store.get(session.id)
    assert kept is not None
    assert (kept.revoked_reason, kept.revoked_at) == ("reuse", world.clock.now)


async def test_other_sessions_of_the_same_person_go_on() -> None:
    world = build_world()
    first, other = await world.sign_in(), await world.sign_in()
    await world.rotated(first)
    world.clock.advance(MINUTE)
    await world.refresh(first)

    assert await world.me(other) == 200
    await world.rotated(other)


async def test_a_reply_that_was_lost_is_given_again() -> None:
    world = build_world()
    first = await world.sign_in()
    second = await world.rotated(first)
    world.clock.advance(GRACE - TICK)

    again = await world.rotated(first)

    assert read(again["refresh_token"]) == read(second["refresh_token"])
    session = await world.store.get(first["session_id"])
    assert session is not None
    assert session.generation == 2
    assert await world.me(again) == 200
    third = await world.rotated(again)
    assert await world.me(third) == 200
    assert world.reused == []


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256R1()), None])
async def test_a_successor_signed_anew_is_the_same_token(key: Any) -> None:
    keys = {} if key is None else {"ALGORITHM": "ES256", "PRIVATE_KEY": key}
    world = build_world(**keys, **({} if key is None else {"PUBLIC_KEY": key.public_key()}))
    first = await world.sign_in()
    second = await world.rotated(first)
    again = await world.rotated(first)
    # A signature of ECDSA is another one each time; both copies are good, and either once.
    assert (second["refresh_token"] == again["refresh_token"]) is (key is None)
    await world.rotated(second)
    world.clock.advance(MINUTE)

    assert await world.refresh(again) == REVOKED


async def test_once_the_successor_is_used_there_is_no_grace() -> None:
    world = build_world()
    first = await world.sign_in()
    second = await world.rotated(first)
    third = await world.rotated(second)

    assert await world.refresh(first) == REVOKED
    assert await world.refresh(third) == REVOKED


async def test_without_grace_any_reuse_ends_the_session() -> None:
    world = build_world(grace=timedelta(0))
    first = await world.sign_in()
    second = await world.rotated(first)

    assert await world.refresh(first) == REVOKED
    assert await world.refresh(second) == REVOKED


async def test_fifty_parallel_refreshes_take_one_step() -> None:
    world = build_world()
    first = await world.sign_in()

    answers = await asyncio.gather(*(world.refresh(first) for _ in range(50)))

    assert {status for status, _ in answers} == {200}
    assert len({body["refresh_token"] for _, body in answers}) == 1
    session = await world.store.get(first["session_id"])
    assert session is not None
    assert session.generation == 2


async def test_of_fifty_parallel_refreshes_without_grace_one_wins() -> None:
    world = build_world(grace=timedelta(0))
    first = await world.sign_in()

    answers = await asyncio.gather(*(world.refresh(first) for _ in range(50)))

    assert [status for status, _ in answers].count(200) == 1
    assert len(world.reused) == 1


@pytest.mark.parametrize(
    ("idle", "lifetime"), [(IDLE, LIFETIME), (LIFETIME * 2, IDLE)], ids=["idle", "lifetime"]
)
@pytest.mark.parametrize("late", [-TICK, timedelta(0)])
async def test_a_session_ends_at_the_very_moment(
    idle: timedelta, lifetime: timedelta, late: timedelta
) -> None:
    world = build_world(idle=idle, lifetime=lifetime, ACCESS_TOKEN_EXPIRES=False)
    tokens = await world.sign_in()
    world.clock.advance(min(idle, lifetime) + late)

    if late:
        assert await world.me(tokens) == 200
        await world.rotated(tokens)
    else:
        assert await world.me(tokens) == 401
        assert await world.refresh(tokens) == EXPIRED
        assert world.reused == []


async def test_use_moves_the_idle_end_and_not_the_last_one() -> None:
    world = build_world()
    tokens = await world.sign_in()
    ends = world.clock.now + LIFETIME
    while world.clock.now + IDLE < ends:
        world.clock.advance(IDLE - MINUTE)
        tokens = await world.rotated(tokens)

    # JWTs count whole seconds, rounded up: the store has the last word.
    assert 0 <= read(tokens["refresh_token"])["exp"] - ends.timestamp() < 1
    world.clock.advance(ends - world.clock.now)
    assert await world.refresh(tokens) == EXPIRED


async def test_an_access_token_does_not_outlive_its_session() -> None:
    world = build_world(lifetime=timedelta(seconds=90))
    tokens = await world.sign_in()

    assert tokens["expires_in"] == 90
    exp = read(tokens["access_token"])["exp"]
    assert 0 <= exp - (world.clock.now + timedelta(seconds=90)).timestamp() < 1


async def test_a_second_process_sees_the_rotation_and_its_end() -> None:
    store, clock = MemorySessionStore(), Clock()
    one, other = (build_world(store, clock=clock) for _ in range(2))
    first = await one.sign_in()
    second = await other.rotated(first)
    clock.advance(MINUTE)

    assert await one.refresh(first) == REVOKED
    assert await other.refresh(second) == REVOKED
    assert await other.me(second) == 401


async def test_the_store_holds_no_token() -> None:
    world = build_world()
    first = await world.sign_in()
    second = await world.rotated(first)

    kept = repr(await world.store.get(first["session_id"]))

    for token in (first["refresh_token"], second["refresh_token"], second["access_token"]):
        assert token not in kept
        assert token.split(".")[2] not in kept


async def test_an_access_token_is_not_rotated() -> None:
    world = build_world()
    tokens = await world.sign_in()

    assert await world.refresh(tokens["access_token"]) == (
        422,
        {"msg": "Only refresh tokens are allowed"},
    )


async def test_a_refresh_token_without_a_session_is_refused() -> None:
    world = build_world()
    async with world.app.app_context():
        token = await ours.create_refresh_token("bob")

    assert await world.refresh(token) == (422, {"msg": "Missing claim: sid"})


NO_IDS = ["", "x", 7, None, ["x"], "a" * 33, "../" + "a" * 29, "\ud800" * 32]


@pytest.mark.parametrize("sid", NO_IDS, ids=ascii)
async def test_a_session_id_that_is_none_is_refused(sid: Any) -> None:
    world = build_world()
    async with world.app.app_context():
        token = await ours.create_refresh_token("bob", additional_claims={"sid": sid})

    assert await world.refresh(token) == (422, {"msg": "Missing claim: sid"})


async def test_an_unknown_session_is_a_revoked_one() -> None:
    world = build_world()
    tokens = await world.sign_in()
    elsewhere = build_world()

    assert await elsewhere.refresh(tokens) == REVOKED
    assert await elsewhere.me(tokens) == 401


async def test_another_token_of_the_session_signed_by_us_ends_it() -> None:
    world = build_world()
    tokens = await world.sign_in()
    claims = read(tokens["refresh_token"]) | {"jti": "made by a thief of the key"}

    assert await world.refresh(pyjwt.encode(claims, KEY, "HS256")) == REVOKED
    assert await world.refresh(tokens) == REVOKED


async def test_a_store_that_fails_leaves_the_token_good() -> None:
    class Failing(MemorySessionStore):
        broken = True

        async def rotate(self, step: Rotation) -> bool:
            if self.broken:
                raise OSError("away")
            return await super().rotate(step)

    store = Failing()
    world = build_world(store)
    first = await world.sign_in()
    status, _ = await world.refresh(first)
    assert status == 500
    store.broken = False

    await world.rotated(first)


async def test_a_callback_that_fails_changes_nothing() -> None:
    world = build_world()
    manager: ours.JWTManager = world.app.extensions["flask-jwt-extended"]
    first = await world.sign_in()

    @manager.additional_claims_loader
    def broken(_: Any) -> Any:
        raise OSError("away")

    status, _ = await world.refresh(first)
    assert status == 500
    manager.additional_claims = None

    await world.rotated(first)
    assert world.reused == []
