"""Rolling windows of failures: how many each key has had of late, and how many are under way."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

WINDOW: Final = 15 * 60  # seconds for which a failure counts

MOST_KEYS: Final = 4096  # whose failures one process remembers, about 1 MiB

AT_ONCE: Final = 16  # questions of one process to what it shares, and so connections

PAUSE: Final = 5.0  # seconds for which windows that failed are not asked again

Answer = TypeVar("Answer")

_log = logging.getLogger("quartapp.limits")


class Windows(Protocol):
    """Counts, for each key, the failures of the last quarter of an hour and the attempts under way.

    An attempt is begun only if all under way may fail and there are no more than `limit` failures:
    of many at once no more are let in than of one after the other.
    """

    async def wait(self, key: str, limit: int) -> float:
        """Return the seconds until the key has fewer failures than `limit`; 0 if it has."""

    async def begin(self, key: str, limit: int) -> float | None:
        """Begin an attempt and return 0, or the seconds until one may be begun.

        None if those under way must end first.
        """

    async def end(self, key: str) -> None:
        """Say that an attempt that had begun is over."""

    async def fail(self, key: str, limit: int) -> None:
        """Count a failure."""


class InProcess:
    """Windows of this process alone. Of the keys those are forgotten that failed longest ago."""

    # The MemoryStorage of `limits` has no bound, and looks at each of its keys at every failure:
    # 0.2 s of a core with 4096 of them.
    def __init__(self, most_keys: int = MOST_KEYS) -> None:
        self._most_keys = most_keys
        self._failures: OrderedDict[str, list[float]] = OrderedDict()  # latest failure last
        self._running: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._failures)

    async def wait(self, key: str, limit: int) -> float:
        """Return the seconds until the key has fewer failures than `limit`; 0 if it has."""
        recent = self._recent(key)
        return recent[-limit] + WINDOW - time.time() if len(recent) >= limit else 0.0

    async def begin(self, key: str, limit: int) -> float | None:
        """Begin an attempt and return 0, or the seconds until one may be begun.

        None if those under way must end first.
        """
        if wait := await self.wait(key, limit):
            return wait
        if len(self._recent(key)) + self._running[key] >= limit:
            return None
        self._running[key] += 1
        return 0.0

    async def end(self, key: str) -> None:
        """Say that an attempt that had begun is over."""
        self._running[key] -= 1
        if self._running[key] <= 0:
            del self._running[key]

    async def fail(self, key: str, limit: int) -> None:
        """Count a failure."""
        self._failures[key] = [*self._recent(key), time.time()][-limit:]
        self._failures.move_to_end(key)
        if len(self._failures) > self._most_keys:
            self._failures.popitem(last=False)

    def has_begun(self, key: str) -> bool:
        """Whether an attempt is under way here."""
        return self._running[key] > 0

    def _recent(self, key: str) -> list[float]:
        begin = time.time() - WINDOW
        return [at for at in self._failures.get(key, ()) if at > begin]


class WithFallback:
    """Windows that many processes share; while those are away, the ones of this process.

    That is said once when it begins and once when it is over. What is away is asked again only
    after a pause, by one request: the others do not wait for it.
    """

    def __init__(self, shared: Windows, own: InProcess, away: tuple[type[Exception], ...]) -> None:
        self._shared = shared
        self._own = own
        self._errors = away  # that the shared ones raise
        self._is_away = False
        self._ask_again_at = 0.0  # on the clock of the loop
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def wait(self, key: str, limit: int) -> float:
        """Return the seconds until the key has fewer failures than `limit`; 0 if it has."""
        return await self._ask(lambda windows: windows.wait(key, limit))

    async def begin(self, key: str, limit: int) -> float | None:
        """Begin an attempt and return 0, or the seconds until one may be begun.

        None if those under way must end first.
        """
        return await self._ask(lambda windows: windows.begin(key, limit))

    async def end(self, key: str) -> None:
        """Say that an attempt that had begun is over."""
        if self._own.has_begun(key):
            await self._own.end(key)
        else:
            await self._ask(lambda windows: windows.end(key))

    async def fail(self, key: str, limit: int) -> None:
        """Count a failure."""
        await self._ask(lambda windows: windows.fail(key, limit))

    async def _ask(self, question: Callable[[Windows], Awaitable[Answer]]) -> Answer:
        async with self._slots:
            now = asyncio.get_running_loop().time()
            if self._is_away and now < self._ask_again_at:
                return await question(self._own)
            is_trial = self._is_away
            if is_trial:
                self._ask_again_at = now + PAUSE
            try:
                answer = await question(self._shared)
            except self._errors as error:
                self._note_away(error)
                return await question(self._own)
            if is_trial:
                self._is_away = False
                _log.warning("Redis is back: sign-ins are limited for all processes together")
            return answer

    def _note_away(self, error: Exception) -> None:
        self._ask_again_at = asyncio.get_running_loop().time() + PAUSE
        if not self._is_away:
            self._is_away = True
            _log.warning(
                "Redis is away: each process limits sign-ins by itself (%s)",
                f"{type(error).__name__}: {error}",
            )
