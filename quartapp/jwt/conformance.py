"""The tests that every session store has to pass, for any test runner.

    @pytest.mark.parametrize("test", SESSION_STORE_TESTS, ids=lambda test: test.__name__)
    async def test_my_store_conforms(test):
        await test(MyStore())

Each is called with a store (with two of them on one database, where a second process is to be
played) and raises AssertionError. They leave their rows behind and may run on one that holds
others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import uuid4

from quartapp.jwt.session_store import (
    ADDRESS_LENGTH,
    DEVICE_LENGTH,
    LISTED,
    REASON_LENGTH,
    SUBJECT_LENGTH,
    Rotation,
    Session,
    SessionStore,
)

# With microseconds: a store that cuts them off moves the ends of sessions.
NOW: Final = datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
PARALLEL: Final = 50


async def a_session_comes_back_as_it_was_given(store: SessionStore) -> None:
    """Nothing is lost or rounded, and what nobody added is not there."""
    session = _session(address="2001:db8::1", device="Ein Gerät 📱")
    await store.add(session)

    _equal(await store.get(session.id), session)
    _equal(await store.get(_id()), None)


async def the_longest_texts_fit(store: SessionStore) -> None:
    """Whatever the limits of quartapp.jwt.session_store let through is kept whole."""
    subject = _id() + "😀" * (SUBJECT_LENGTH - 32)
    session = _session(
        subject=subject, address="a" * ADDRESS_LENGTH, device="😀" * DEVICE_LENGTH, successor="{}"
    )
    await store.add(session)
    await store.revoke(session.id, now=NOW, reason="r" * REASON_LENGTH)

    expected = replace(session, revoked_at=NOW, revoked_reason="r" * REASON_LENGTH)
    _equal(await store.get(session.id), expected)


async def a_rotation_takes_one_step(store: SessionStore) -> None:
    """All that belongs to the step changes, and nothing else."""
    session = _session()
    await store.add(session)
    step = _step(session, successor="{" + "x" * 16_000 + "}", address="192.0.2.7")

    _equal(await store.rotate(step), True)
    _equal(
        await store.get(session.id),
        replace(
            session,
            generation=2,
            digest=step.digest,
            previous_digest=session.digest,
            successor=step.successor,
            last_used_at=step.now,
            idle_expires_at=step.idle_expires_at,
            address=step.address,
        ),
    )


async def a_digest_is_good_for_one_rotation(store: SessionStore) -> None:
    """The second caller gets False and changes nothing."""
    session = _session()
    await store.add(session)
    await store.rotate(_step(session))
    before = await store.get(session.id)

    _equal(await store.rotate(_step(session)), False)
    _equal(await store.get(session.id), before)
    _equal(await store.rotate(_step(_session())), False)


async def of_parallel_rotations_one_wins(store: SessionStore) -> None:
    """Of fifty callers one gets True, and one step is taken: his."""
    session = _session()
    await store.add(session)
    steps = [_step(session) for _ in range(PARALLEL)]

    won = await asyncio.gather(*(store.rotate(step) for step in steps))

    _equal(won.count(True), 1)
    kept = _there(await store.get(session.id))
    _equal((kept.generation, kept.digest), (2, steps[won.index(True)].digest))


async def a_session_ends_at_the_very_moment(store: SessionStore) -> None:
    """At each of its two ends it is over, a microsecond before it is not."""
    for end in ("idle_expires_at", "expires_at"):
        session = _session(**{end: NOW + timedelta(seconds=7)})
        await store.add(session)
        at = NOW + timedelta(seconds=7)
        before = at - MICROSECOND

        _equal(await store.is_live(session.id, _digest(), now=before), True)
        _equal(await store.is_live(session.id, _digest(), now=at), False)
        _equal(len(await store.sessions_of(session.subject, now=before)), 1)
        _equal(len(await store.sessions_of(session.subject, now=at)), 0)
        _equal(await store.rotate(_step(session, now=at)), False)
        _equal(await store.rotate(_step(session, now=before)), True)


async def a_revoked_session_stays_and_is_dead(store: SessionStore) -> None:
    """It is known as revoked, from the first time on and for the first reason."""
    session = _session()
    await store.add(session)

    _equal(await store.revoke(session.id, now=NOW, reason="signed out"), True)
    _equal(await store.revoke(session.id, now=NOW + MICROSECOND, reason="later"), False)
    _equal(await store.revoke(_id(), now=NOW, reason="nobody's"), False)
    _equal(
        await store.get(session.id), replace(session, revoked_at=NOW, revoked_reason="signed out")
    )
    _equal(await store.rotate(_step(session)), False)
    _equal(await store.is_live(session.id, _digest(), now=NOW), False)
    _equal(list(await store.sessions_of(session.subject, now=NOW)), [])


async def a_session_is_revoked_for_its_owner_only(store: SessionStore) -> None:
    """With a subject, another one's session is left alone; texts are compared to the letter."""
    session = _session(subject=f"Bob {_id()}")
    await store.add(session)
    others = [session.subject + " ", session.subject.lower(), "", "%", "\ud800", "\0"]

    for other in others:
        _equal(await store.revoke(session.id, now=NOW, reason="", subject=other), False)
        _equal(await store.revoke_all(other, now=NOW, reason=""), 0)
        _equal(list(await store.sessions_of(other, now=NOW)), [])
    _equal(await store.revoke(session.id, now=NOW, reason="", subject=session.subject), True)


async def all_sessions_of_one_are_revoked_but_the_one_kept(store: SessionStore) -> None:
    """Only live ones are counted; everybody else's are left alone."""
    first, second, third = (_session(subject="") for _ in range(3))
    subject = _id()
    mine = [replace(each, subject=subject) for each in (first, second, third)]
    over = _session(subject=subject, idle_expires_at=NOW)
    other = _session()
    for session in (*mine, over, other):
        await store.add(session)
    await store.revoke(mine[2].id, now=NOW, reason="before")

    _equal(await store.revoke_all(subject, now=NOW, reason="password", keep=mine[1].id), 1)
    _equal([each.id for each in await store.sessions_of(subject, now=NOW)], [mine[1].id])
    _equal(await store.revoke_all(subject, now=NOW, reason="password"), 1)
    _equal(await store.is_live(other.id, _digest(), now=NOW), True)
    kept = _there(await store.get(mine[2].id))
    _equal(kept.revoked_reason, "before")


async def the_list_begins_with_the_one_used_last(store: SessionStore) -> None:
    """And holds them whole."""
    subject = _id()
    minutes = (1, 3, 2)
    sessions = [
        _session(subject=subject, last_used_at=NOW + timedelta(minutes=each)) for each in minutes
    ]
    for session in sessions:
        await store.add(session)

    found = list(await store.sessions_of(subject, now=NOW))
    _equal(found, [sessions[1], sessions[2], sessions[0]])


async def the_list_has_an_end(store: SessionStore) -> None:
    """Of more than LISTED sessions it leaves out those used least lately; all can be revoked."""
    subject = _id()
    for number in range(LISTED + 1):
        at = NOW + timedelta(seconds=number)
        await store.add(_session(subject=subject, last_used_at=at))

    found = await store.sessions_of(subject, now=NOW)
    _equal((len(found), found[-1].last_used_at), (LISTED, NOW + timedelta(seconds=1)))
    _equal(await store.revoke_all(subject, now=NOW, reason="password"), LISTED + 1)


async def one_token_is_refused_and_its_session_lives(store: SessionStore) -> None:
    """Refusing a token twice is no error."""
    session, token = _session(), _digest()
    await store.add(session)

    for _ in range(2):
        await store.revoke_token(token, until=datetime(9999, 12, 31, tzinfo=UTC))

    _equal(await store.is_live(session.id, token, now=NOW), False)
    _equal(await store.is_live(session.id, _digest(), now=NOW), True)
    _equal(await store.is_live(_id(), _digest(), now=NOW), False)


async def a_key_is_used_once(store: SessionStore) -> None:
    """Of fifty callers one gets True."""
    key, until = _digest(), NOW + timedelta(seconds=60)

    won = await asyncio.gather(
        *(store.use_once(key, now=NOW, until=until) for _ in range(PARALLEL))
    )

    _equal(won.count(True), 1)
    _equal(await store.use_once(_digest(), now=NOW, until=until), True)


async def what_has_expired_is_forgotten_and_nothing_else(store: SessionStore) -> None:
    """Revoked sessions are kept until they expire: their reuse is to be recognised."""
    at = NOW + timedelta(days=1)
    over = [_session(idle_expires_at=at), _session(idle_expires_at=at)]
    revoked, live = _session(idle_expires_at=at + MICROSECOND), _session()
    for session in (*over, revoked, live):
        await store.add(session)
    for session in (over[0], revoked):
        await store.revoke(session.id, now=NOW, reason="signed out")
    old, new = _digest(), _digest()
    for key, until in ((old, at), (new, at + MICROSECOND)):
        _equal(await store.use_once(key, now=NOW, until=until), True)
    refused = _digest()
    await store.revoke_token(refused, until=at + timedelta(days=1))

    _equal(await store.prune(now=at) >= len(over), True)

    _equal([await store.get(each.id) for each in over], [None, None])
    _there(await store.get(revoked.id))
    _equal(await store.get(live.id), live)
    _equal(await store.use_once(new, now=at, until=at + MICROSECOND), False)
    _equal(await store.use_once(old, now=at, until=at + MICROSECOND), True)
    _equal(await store.is_live(live.id, refused, now=at), False)


async def another_process_sees_all_of_it(store: SessionStore, other: SessionStore) -> None:
    """What one did the other knows at once."""
    session, key, token = _session(), _digest(), _digest()
    await store.add(session)
    _equal(await other.get(session.id), session)
    _equal(await other.rotate(_step(session)), True)
    _equal(await store.rotate(_step(session)), False)
    _equal(await store.use_once(key, now=NOW, until=NOW + timedelta(1)), True)
    _equal(await other.use_once(key, now=NOW, until=NOW + timedelta(1)), False)
    await store.revoke_token(token, until=NOW + timedelta(1))
    _equal(await other.is_live(session.id, token, now=NOW), False)
    _equal(await other.is_live(session.id, _digest(), now=NOW), True)
    _equal(await store.revoke(session.id, now=NOW, reason="reuse"), True)
    _equal(await other.is_live(session.id, _digest(), now=NOW), False)


SESSION_STORE_TESTS: Final[list[Callable[[SessionStore], Awaitable[None]]]] = [
    a_session_comes_back_as_it_was_given,
    the_longest_texts_fit,
    a_rotation_takes_one_step,
    a_digest_is_good_for_one_rotation,
    of_parallel_rotations_one_wins,
    a_session_ends_at_the_very_moment,
    a_revoked_session_stays_and_is_dead,
    a_session_is_revoked_for_its_owner_only,
    all_sessions_of_one_are_revoked_but_the_one_kept,
    the_list_begins_with_the_one_used_last,
    the_list_has_an_end,
    one_token_is_refused_and_its_session_lives,
    a_key_is_used_once,
    what_has_expired_is_forgotten_and_nothing_else,
]


def _id() -> str:
    return uuid4().hex


def _digest() -> str:
    return sha256(uuid4().bytes).hexdigest()


def _session(**changes: object) -> Session:
    made = Session(
        id=_id(),
        subject=_id(),
        created_at=NOW - timedelta(days=1),
        last_used_at=NOW - timedelta(hours=1),
        idle_expires_at=NOW + timedelta(days=14),
        expires_at=NOW + timedelta(days=90),
        digest=_digest(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def _step(session: Session, **changes: object) -> Rotation:
    made = Rotation(
        session_id=session.id,
        expected=session.digest,
        digest=_digest(),
        successor='{"sub":"bob"}',
        now=NOW,
        idle_expires_at=NOW + timedelta(days=15),
        address="",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def _there(found: Session | None) -> Session:
    if found is None:
        raise AssertionError("expected a session, found none")
    return found


def _equal(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"expected {expected!r}, found {found!r}")
