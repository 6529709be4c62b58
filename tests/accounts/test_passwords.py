"""Argon2 off the event loop, within the parameters and the column it must fit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from quartapp.accounts.models import Account
from quartapp.accounts.passwords import Passwords, hashed


@pytest_asyncio.fixture
async def passwords() -> AsyncIterator[Passwords]:
    """Threads of their own."""
    made = Passwords()
    yield made
    made.close()


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


async def test_after_closing_nothing_more_is_hashed() -> None:
    passwords = Passwords()
    await passwords.hash("x")
    passwords.close()

    with pytest.raises(RuntimeError):
        await passwords.hash("x")


@pytest.mark.parametrize("userpwd", ["123456", "", "$argon2i$x", " $argon2id$"])
def test_what_is_no_hash_is_plaintext(userpwd: str) -> None:
    assert not hashed(userpwd)
