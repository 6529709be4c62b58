"""The store in memory, and that the conformance tests find what is wrong with one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from quartapp.jwt import conformance
from quartapp.jwt.conformance import NOW, SESSION_STORE_TESTS
from quartapp.jwt.session_store import MemorySessionStore, Rotation, Session, SessionStore

Test = Callable[[SessionStore], Awaitable[None]]


@pytest.mark.parametrize("test", SESSION_STORE_TESTS, ids=lambda test: str(test.__name__))
async def test_the_store_in_memory_conforms(test: Test) -> None:
    await test(MemorySessionStore())


async def test_two_managers_on_one_store_see_the_same() -> None:
    store = MemorySessionStore()

    await conformance.another_process_sees_all_of_it(store, store)


async def test_it_remembers_no_more_keys_than_it_may() -> None:
    store = MemorySessionStore(most_keys=3)
    later = NOW + timedelta(seconds=60)

    first = [await store.use_once(key, now=NOW, until=later) for key in "abcd"]
    second = [await store.use_once(key, now=later, until=later) for key in "dab"]

    # The fourth cannot be remembered, and so it is refused; when the others are over there is room.
    assert first == [True, True, True, False]
    assert second == [True, True, True]


class ReadsThenWrites(MemorySessionStore):
    """Two callers at once both find their digest there, and both win."""

    async def rotate(self, step: Rotation) -> bool:
        session = await self.get(step.session_id)
        if session is None or not session.is_live(step.now) or session.digest != step.expected:
            return False
        await asyncio.sleep(0)
        now = await self.get(session.id)
        return now is not None and await super().rotate(replace(step, expected=now.digest))


class ForgetsRevoked(MemorySessionStore):
    async def get(self, session_id: str) -> Session | None:
        session = await super().get(session_id)
        return None if session is None or session.revoked_at is not None else session


class CutsMicroseconds(MemorySessionStore):
    async def add(self, session: Session) -> None:
        ends = session.idle_expires_at.replace(microsecond=0)
        await super().add(replace(session, idle_expires_at=ends))


class RevokesForAnybody(MemorySessionStore):
    async def revoke(
        self, session_id: str, *, now: datetime, reason: str, subject: str | None = None
    ) -> bool:
        return await super().revoke(session_id, now=now, reason=reason)


@pytest.mark.parametrize(
    "kind", [ReadsThenWrites, ForgetsRevoked, CutsMicroseconds, RevokesForAnybody]
)
async def test_a_faulty_store_does_not(kind: type[MemorySessionStore]) -> None:
    faults = 0
    for test in SESSION_STORE_TESTS:
        try:
            await test(kind())
        except AssertionError:
            faults += 1

    assert faults
