"""Passwords: Argon2id in threads of their own, so that logins never hold up the event loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

# OWASP's second choice for Argon2id: 19 MiB, two passes, one lane. The encoded hash has 97
# characters and so fits userpwd varchar(100).
MEMORY_KIB = 19456
TIME_COST = 2
PARALLELISM = 1

HASH_PREFIX = "$argon2id$"

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Passwords:
    """Hashes and verifies in its own pool of threads; Argon2 releases the GIL while it works.

    A thread for each core: more would only make every login slower.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher(
            time_cost=TIME_COST,
            memory_cost=MEMORY_KIB,
            parallelism=PARALLELISM,
            type=Type.ID,
        )
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="argon2")

    async def hash(self, password: str) -> str:
        """The encoded hash of a password: `$argon2id$…`, 97 characters."""
        return await self._run(self._hasher.hash, _encoded(password))

    async def verify(self, encoded: str, password: str) -> bool:
        """Whether `password` is the one of the hash `encoded`. Costs one run of Argon2.

        Text that is no hash matches nothing, and costs the same.
        """
        try:
            return await self._run(self._hasher.verify, encoded, _encoded(password))
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError, UnicodeEncodeError):
            # Refused before anything was computed: make up for the time.
            await self.hash(password)
            return False

    def outdated(self, encoded: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(encoded)

    def close(self) -> None:
        """End the threads, without waiting for what is still queued."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(work, *args, **kwargs))


def hashed(userpwd: str) -> bool:
    """Whether the column holds a hash, and not a password as typed."""
    return userpwd.startswith(HASH_PREFIX)


def _encoded(password: str) -> bytes:
    # JSON can carry half a surrogate pair, which UTF-8 proper refuses.
    return password.encode("utf-8", "surrogatepass")
