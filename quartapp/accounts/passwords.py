"""Passwords: Argon2id in threads of their own, so that logins never hold up the event loop."""

from __future__ import annotations

import asyncio
import math
import os
import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count
from time import perf_counter, thread_time
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

from nacl.exceptions import InvalidkeyError
from nacl.pwhash import argon2id

from quartapp.accounts.pace import Pace
from quartapp.core.cpu import share_of_cores
from quartapp.core.errors import Busy

# OWASP's second choice for Argon2id: 19 MiB, two passes, and one lane, as libsodium always has it.
# The encoded hash has 97 characters and so fits userpwd varchar(100).
MEMORY_KIB = 19456
TIME_COST = 2

HASH_PREFIX = "$argon2id$"

# Hashes that libsodium can read (PHC string format): their Base64 has no bits left over. What it
# cannot read it refuses at once, as if the password were another one.
_BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048])?"
_READABLE = re.compile(
    r"\$argon2id\$v=19\$m=[1-9][0-9]{0,6},t=[1-9][0-9]{0,5},p=[1-9][0-9]{0,2}"
    rf"\$(?=[^$]{{11}}){_BASE64}\$(?=[^$]{{22}}){_BASE64}"
)

# Where the system has it: an event loop that wakes up gets a core before these threads do.
NICE = 10

GUESS = 0.05  # seconds for one run with the parameters above, until the first was timed

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Load(NamedTuple):
    """How busy the threads are: runs that wait, runs under way, threads, seconds until a turn."""

    waiting: int
    running: int
    threads: int
    expected_wait: float


class Passwords:
    """Hashes and verifies in its own threads, first come, first served.

    The work is libsodium's: it uses what the processor has and is faster than the reference, whose
    encoded hashes are the same. It releases the GIL while it works. `threads` is by default one for
    each core that the process has a share of: more would only make every login slower, and each
    takes `memory_kib` while it works. Who would wait longer than `max_wait` seconds for a turn is
    told Busy at once; who goes away while waiting leaves no work behind. `on_turn` is called in the
    thread, with the seconds that one has waited.
    """

    def __init__(
        self,
        *,
        threads: int | None = None,
        max_wait: float = math.inf,
        time_cost: int = TIME_COST,
        memory_kib: int = MEMORY_KIB,
        on_turn: Callable[[float], None] | None = None,
    ) -> None:
        self._cost = (time_cost, memory_kib * 1024)  # passes, bytes
        self._todays = f"$argon2id$v=19$m={memory_kib},t={time_cost},p=1$"
        self._threads = threads or share_of_cores()
        self._pool = ThreadPoolExecutor(self._threads, "argon2", initializer=_step_back)
        self._max_wait = max_wait
        self._on_turn = on_turn
        self._pace = Pace(GUESS * time_cost * memory_kib / (TIME_COST * MEMORY_KIB))
        self._numbers = count()
        # The work itself lies here and the pool holds its number alone, so that one that is
        # cancelled leaves nothing of size behind. Both change by single operations of a dict and
        # a set, which threads may do at once.
        self._waiting: dict[int, tuple[float, Callable[[], Any]]] = {}
        self._running: set[int] = set()

    def admit(self) -> None:
        """Raise Busy for one who would wait too long.

        `hash` and `verify` do so by themselves; asked first of all, a refusal costs nothing.
        """
        wait = self.load().expected_wait
        if wait > self._max_wait:
            raise Busy("Too many sign in at the moment. Try again soon.", retry_after=wait)

    async def hash(self, password: str, *, admitted: bool = False) -> str:
        """The encoded hash of a password: `$argon2id$…`, 97 characters.

        Raises Busy, unless this is for one who was `admitted` and has waited once already.
        """
        if not admitted:
            self.admit()
        encoded = await self._run(argon2id.str, _bytes(password), *self._cost)
        return encoded.decode("ascii")

    async def verify(self, encoded: str, password: str) -> bool:
        """Whether `password` is the one of the hash `encoded`. Costs one run of Argon2.

        Text that is no hash matches nothing, and costs the same. Raises Busy.
        """
        self.admit()
        with suppress(InvalidkeyError, ValueError):
            return await self._run(argon2id.verify, _bytes(encoded), _bytes(password))
        if not _READABLE.fullmatch(encoded):
            # Refused before anything was computed: make up for the time.
            await self.hash(password, admitted=True)
        return False

    def outdated(self, encoded: str) -> bool:
        """Whether a hash was made with other parameters than today's, or is none."""
        return not encoded.startswith(self._todays) or not _READABLE.fullmatch(encoded)

    def load(self) -> Load:
        """How busy the threads are now."""
        waiting = len(self._waiting)
        wait = waiting * self._pace.seconds / self._threads
        return Load(waiting, len(self._running), self._threads, wait)

    def close(self) -> None:
        """End the threads, without waiting for what is still queued."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        number = next(self._numbers)
        self._waiting[number] = (perf_counter(), partial(work, *args, **kwargs))
        try:
            loop = asyncio.get_running_loop()
            return cast(Result, await loop.run_in_executor(self._pool, self._work, number))
        finally:
            self._waiting.pop(number, None)  # it is still there if it never had its turn

    def _work(self, number: int) -> Any:
        waiting = self._waiting.pop(number, None)
        if waiting is None:
            return None  # cancelled at this very moment: nobody waits for the answer
        since, work = waiting
        self._running.add(number)
        begin, worked = perf_counter(), thread_time()
        try:
            if self._on_turn is not None:
                self._on_turn(begin - since)
            return work()
        finally:
            self._pace.count(worked=thread_time() - worked, passed=perf_counter() - begin)
            self._running.discard(number)


def hashed(userpwd: str) -> bool:
    """Whether the column holds a hash, and not a password as typed."""
    return userpwd.startswith(HASH_PREFIX)


def _bytes(text: str) -> bytes:
    # JSON can carry half a surrogate pair, which UTF-8 proper refuses.
    return text.encode("utf-8", "surrogatepass")


def _step_back() -> None:
    """Put this thread behind the event loop: on Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):  # a sandbox may forbid even that; it works without
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICE)
