"""What a password must be, for pages, API and command line alike."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Final

from quartapp.core.errors import Refusal

SHORTEST: Final = 8  # characters, as NIST SP 800-63B has it
LONGEST: Final = 128


async def password_rule(password: str, *, username: str) -> Refusal | None:
    """Why `password` cannot be the one of `username`; None if it can."""
    if not password:
        return Refusal("required", "The password is empty.")
    if len(password) < SHORTEST:
        return Refusal(
            "too-short", "The password has fewer than %(least)s characters.", least=SHORTEST
        )
    if len(password) > LONGEST:
        return Refusal("too-long", "The password has more than %(most)s characters.", most=LONGEST)
    if password.casefold() == username.casefold():
        return Refusal("user-name", "The password is the user name.")
    if password.casefold() in await asyncio.to_thread(_commonest):
        return Refusal("common", "The password is one of the commonest, which anybody would try.")
    return None


@cache
def _commonest() -> frozenset[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # large: only once somebody needs it

    passwords = (password.casefold() for password in FREQUENCY_LISTS["passwords"])
    return frozenset(password for password in passwords if len(password) >= SHORTEST)
