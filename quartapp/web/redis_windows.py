"""Rolling windows in Redis: one count for all processes, on however many machines."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool, Redis, SSLConnection
from redis.asyncio.connection import RedisSSLContext
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from quartapp.core.errors import Degraded
from quartapp.web.windows import WINDOW

PREFIX: Final = "quartapp"
TIMEOUT: Final = 0.5  # seconds for one question
FORGOTTEN: Final = 60  # seconds after which attempts count no more whose process has died

AWAY: Final = (RedisError, OSError)  # what a question raises when there is no answer


class InRedis:
    """Windows in the Redis at `url`, which raise AWAY, after TIMEOUT at most."""

    def __init__(self, url: str) -> None:
        # Tried once: who asks has other windows, and a second increment would count twice.
        self._pool = ConnectionPool.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
            driver_info=None,  # for each connection it would read its own version from the disk
        )
        if self._pool.connection_class is SSLConnection:
            first = SSLConnection(**self._pool.connection_kwargs)
            self._pool.connection_class = _TlsConnection
            self._pool.connection_kwargs["known"] = first.ssl_context
        options: dict[str, Any] = {"connection_pool": self._pool}
        self._storage = RedisStorage(
            "async+redis://", implementation="redispy", key_prefix=PREFIX, **options
        )
        self._failures = MovingWindowRateLimiter(self._storage)

    async def wait(self, key: str, limit: int) -> float:
        """Return the seconds until the key has fewer failures than `limit`; 0 if it has."""
        async with asyncio.timeout(TIMEOUT):
            _, wait = await self._room(key, limit)
        return wait

    async def begin(self, key: str, limit: int) -> float | None:
        """Begin an attempt and return 0, or the seconds until one may be begun.

        None if those under way must end first.
        """
        async with asyncio.timeout(TIMEOUT):
            running = await self._storage.incr(_running(key), FORGOTTEN)
            room, wait = await self._room(key, limit)
            if running <= room:
                return 0.0
            await self._storage.incr(_running(key), FORGOTTEN, -1)
        return wait or None

    async def end(self, key: str) -> None:
        """Say that an attempt that had begun is over."""
        async with asyncio.timeout(TIMEOUT):
            await self._storage.incr(_running(key), FORGOTTEN, -1)

    async def fail(self, key: str, limit: int) -> None:
        """Count a failure."""
        async with asyncio.timeout(TIMEOUT):
            await self._failures.hit(_item(limit), key)

    async def check(self) -> None:
        """Raise Degraded if there is no answer: sign-ins go on without."""
        try:
            async with asyncio.timeout(TIMEOUT):
                await Redis(connection_pool=self._pool).ping()
        except AWAY:
            raise Degraded("does not answer: each process limits sign-ins by itself") from None

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _room(self, key: str, limit: int) -> tuple[int, float]:
        """How many failures more there may be, and the seconds until there may be one."""
        window = await self._failures.get_window_stats(_item(limit), key)
        full = window.remaining <= 0
        return window.remaining, max(0.0, window.reset_time - time.time()) if full else 0.0


class _TlsConnection(SSLConnection):
    """One of many that read the certificates known once: for each it would hold up the loop."""

    def __init__(self, *, known: RedisSSLContext, **options: Any) -> None:
        super().__init__(**options)
        self.ssl_context = known


def _item(limit: int) -> RateLimitItem:
    return RateLimitItemPerSecond(limit, WINDOW)


def _running(key: str) -> str:
    return f"running/{key}"
