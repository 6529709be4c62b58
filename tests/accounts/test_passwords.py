"""Argon2 off the event loop, within the parameters and the column it must fit."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import Mock

import argon2
import pytest
import pytest_asyncio

from quartapp.accounts.models import Account
from quartapp.accounts.pace import Pace
from quartapp.accounts.passwords import NICE, Load, Passwords, hashed
from quartapp.core.errors import Busy


@pytest_asyncio.fixture
async def passwords() -> AsyncIterator[Passwords]:
    """Threads of their own."""
    made = Passwords()
    yield made
    made.close()


class Held:
    """Two threads that a test can hold, and let go: work of its own in place of Argon2."""

    def __init__(self) -> None:
        self.passwords = Passwords(threads=2, max_wait=1)
        self.passwords._pace = Pace(guess=0.1)
        self.priorities: list[int] = []
        self.noted: list[int] = []
        self._go = threading.Event()

    def _hold(self) -> None:
        self.priorities.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        self._go.wait(10)

    async def note(self, number: int) -> None:
        """Note when this one had its turn."""
        self.passwords.admit()
        await self.passwords._run(self.noted.append, number)

    @asynccontextmanager
    async def all_threads(self) -> AsyncIterator[list[asyncio.Task[None]]]:
        """Keep both threads busy for as long as this lasts."""
        holders = [asyncio.create_task(self.passwords._run(self._hold)) for _ in range(2)]
        while len(self.priorities) < 2:  # noqa: ASYNC110 - what threads do wakes nobody up
            await asyncio.sleep(0.001)
        yield holders
        self._go.set()
        await asyncio.wait(holders)


@pytest_asyncio.fixture
async def held() -> AsyncIterator[Held]:
    """Threads that can be held."""
    made = Held()
    yield made
    made._go.set()
    made.passwords.close()


async def test_a_hash_fits_its_column_and_names_its_parameters(passwords: Passwords) -> None:
    encoded = await passwords.hash("密" * 1000)

    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert len(encoded) == 97 <= Account.__table__.c.userpwd.type.length  # type: ignore[attr-defined]
    assert hashed(encoded)


async def test_a_password_has_another_hash_each_time(passwords: Passwords) -> None:
    assert await passwords.hash("x") != await passwords.hash("x")


@pytest.mark.parametrize("password", ["", " ", "密码", "🏠", "a\0b", "\ud800", "x" * 100_000])
async def test_any_text_can_be_a_password(passwords: Passwords, password: str) -> None:
    encoded = await passwords.hash(password)

    assert await passwords.verify(encoded, password)
    assert not await passwords.verify(encoded, password + "x")


async def test_the_event_loop_goes_on_while_passwords_are_hashed(passwords: Passwords) -> None:
    storm = asyncio.gather(*(passwords.hash("x") for _ in range(20)))
    turns = 0
    while not storm.done():
        await asyncio.sleep(0.001)
        turns += 1
    await storm

    assert turns > 20


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads share one priority")
async def test_the_threads_stand_behind_the_event_loop(held: Held) -> None:
    here = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    async with held.all_threads():
        assert held.priorities == [min(19, here + NICE)] * 2


async def test_a_thread_that_may_not_step_back_works_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", forbidden)
    passwords = Passwords(threads=1)

    assert hashed(await passwords.hash("x"))
    passwords.close()


async def test_who_comes_first_is_served_first(held: Held) -> None:
    async with held.all_threads():
        waiting = [asyncio.create_task(held.note(number)) for number in range(20)]
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)

    assert held.noted[:2] in ([0, 1], [1, 0])
    assert all(abs(place - number) <= 2 for place, number in enumerate(held.noted))


async def test_who_goes_away_while_waiting_is_not_hashed_for(held: Held) -> None:
    async with held.all_threads():
        gone = [asyncio.create_task(held.note(-number)) for number in range(1, 11)]
        stays = asyncio.create_task(held.note(1))
        await asyncio.sleep(0)
        assert held.passwords.load().waiting == 11
        for task in gone:
            task.cancel()
        await asyncio.wait(gone)
        assert held.passwords.load().waiting == 1
    await stays

    assert held.noted == [1]


async def test_who_goes_away_in_mid_hash_gives_the_thread_back(held: Held) -> None:
    async with held.all_threads() as holders:
        holders[0].cancel()
        await asyncio.wait(holders[:1])
        assert held.passwords.load().running == 2  # nobody can stop a hash
    await held.note(1)

    while held.passwords.load().running:  # noqa: ASYNC110 - what threads do wakes nobody up
        await asyncio.sleep(0.001)
    assert held.passwords.load()[:3] == (0, 0, 2)


async def test_one_who_would_wait_too_long_is_told_so_at_once(held: Held) -> None:
    """Runs of 0.1 s in 2 threads: 20 before him are a second."""
    async with held.all_threads():
        waiting = [asyncio.create_task(held.note(number)) for number in range(21)]
        await asyncio.sleep(0)
        assert held.passwords.load() == Load(21, 2, 2, expected_wait=21 * 0.1 / 2)
        with pytest.raises(Busy) as refused:
            await held.note(22)
        assert refused.value.retry_after == 2

        waiting.pop().cancel()
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(held.note(23)))
        await asyncio.sleep(0)
        assert held.passwords.load().waiting == 21  # the place was free
    await asyncio.gather(*waiting)

    assert 22 not in held.noted


async def test_one_who_has_waited_once_is_not_refused_the_second_time(held: Held) -> None:
    async with held.all_threads():
        waiting = [asyncio.create_task(held.note(number)) for number in range(21)]
        await asyncio.sleep(0)
        for refused in (held.passwords.hash("x"), held.passwords.verify("$argon2id$", "x")):
            with pytest.raises(Busy):
                await refused
        renewing = asyncio.create_task(held.passwords.hash("x", admitted=True))
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)

    assert hashed(await renewing)


async def test_a_refusal_within_a_hash_frees_the_thread(passwords: Passwords) -> None:
    assert not await passwords.verify("$argon2id$", "x")
    assert passwords.load()[:2] == (0, 0)


async def test_however_many_ask_no_more_than_the_threads_work_at_once() -> None:
    passwords = Passwords(threads=3, time_cost=1, memory_kib=1024)
    storm = asyncio.gather(*(passwords.hash("x") for _ in range(200)))
    most = 0
    while not storm.done():
        most = max(most, passwords.load().running)
        await asyncio.sleep(0)
    await storm
    passwords.close()

    assert most <= 3
    assert passwords.load() == Load(0, 0, 3, 0)


async def test_hashes_with_other_parameters_are_outdated(passwords: Passwords) -> None:
    cheaper = Passwords(time_cost=1, memory_kib=1024)
    encoded = await cheaper.hash("x")
    cheaper.close()

    assert encoded.startswith("$argon2id$v=19$m=1024,t=1,p=1$")
    assert await passwords.verify(encoded, "x")
    assert passwords.outdated(encoded)


OF_OTHER_PROGRAMS: dict[str, dict[str, Any]] = {
    "argon2-cffi's own": {},
    "four lanes": {"parallelism": 4, "memory_cost": 4096},
    "short salt": {"salt_len": 8, "memory_cost": 1024},
    "long salt": {"salt_len": 32, "memory_cost": 1024},
    "short hash": {"hash_len": 16, "memory_cost": 1024},
}


@pytest.mark.parametrize("made", OF_OTHER_PROGRAMS.values(), ids=OF_OTHER_PROGRAMS)
async def test_hashes_of_other_programs_are_known_and_outdated(
    passwords: Passwords, made: dict[str, Any]
) -> None:
    encoded = argon2.PasswordHasher(**made).hash("密码")

    assert await passwords.verify(encoded, "密码")
    assert not await passwords.verify(encoded, "密")
    assert passwords.outdated(encoded)


@pytest.mark.parametrize("made", OF_OTHER_PROGRAMS.values(), ids=OF_OTHER_PROGRAMS)
async def test_a_wrong_password_for_such_a_hash_costs_one_run(
    passwords: Passwords, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Mock(wraps=passwords._run)
    monkeypatch.setattr(passwords, "_run", run)

    assert not await passwords.verify(argon2.PasswordHasher(**made).hash("x"), "y")

    assert run.call_count == 1


async def test_the_reference_knows_our_hashes_and_makes_the_same(passwords: Passwords) -> None:
    reference = argon2.PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)

    for password in ("", "secret", "密码"):
        assert reference.verify(await passwords.hash(password), password)
        assert not passwords.outdated(reference.hash(password))


@pytest.mark.parametrize(
    "broken",
    [
        "m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdB$qPwMU8Zk1QsoFf+A+/4pjLtG8IFayRQJ2SGsr7qF/uw",
        "m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$qPwMU8Zk1QsoFf+A+/4pjLtG8IFayRQJ2SGsr7qF/ux",
        "m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$qPwMU8Zk1QsoFf+A+/4pjLtG8IFayRQJ2SGsr7qF/uw\n",
        "m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$qPwMU8Zk1QsoFf+A+/4pjLtG8IFayRQJ2SGsr7qF/uw==",
        "m=019456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$qPwMU8Zk1QsoFf+A+/4pjLtG8IFayRQJ2SGsr7qF/uw",
        "m=19456,t=2,p=1$" + "x" * 1000,
    ],
)
async def test_what_cannot_be_read_matches_nothing_and_is_outdated(
    passwords: Passwords, broken: str
) -> None:
    """Or else a refusal that costs nothing would show what is in the table."""
    encoded = f"$argon2id$v=19${broken}"

    assert not await passwords.verify(encoded, "secret")
    assert passwords.outdated(encoded)


async def test_the_longest_parameters_fit_the_column() -> None:
    longest = len("$argon2id$v=19$m=999999,t=99,p=1$") + 22 + 1 + 43

    assert longest <= Account.__table__.c.userpwd.type.length  # type: ignore[attr-defined]


async def test_after_closing_nothing_more_is_hashed() -> None:
    passwords = Passwords()
    await passwords.hash("x")
    passwords.close()

    with pytest.raises(RuntimeError):
        await passwords.hash("x")


@pytest.mark.parametrize("userpwd", ["123456", "", "$argon2i$x", " $argon2id$"])
def test_what_is_no_hash_is_plaintext(userpwd: str) -> None:
    assert not hashed(userpwd)
