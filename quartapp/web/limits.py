"""How often somebody may fail to give a password, by account and by address.

Failures alone count, so that a thousand people behind one address may sign in at once. An account
is never locked: its window moves on, and a device that has a live session of it is counted apart.
Names are counted alike whether anybody has them or not, for a refusal must not tell.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, cast
from weakref import WeakValueDictionary

from quart import Quart, current_app, request

from quartapp.core.errors import Busy, TooMany
from quartapp.web.events import security, tag
from quartapp.web.readiness import add_check
from quartapp.web.windows import InProcess, Windows, WithFallback

ADDRESS_FACTOR: Final = 10  # an address may fail so many times as often as an account
HOUSEHOLD: Final = 64  # bits of an IPv6 address that belong to one who has it

KEY_LENGTH: Final = 32  # characters

STEP: Final = 0.02  # seconds between two looks whether an attempt under way has ended

_KEY = "quartapp.limits"
_CHECK = "quartapp.limits.check"

# The id of a live session of the account of a name on the device that asks; "" if it has none.
SessionOf = Callable[[str], Awaitable[str]]


@dataclass(slots=True)
class Attempt:
    """A password being checked; whoever does so sets `failed`, if it was the wrong one."""

    failed: bool = False


class Limits:
    """Lets nobody fail more often than `limit` times in a quarter of an hour; 0 is no limit.

    Of one account's attempts so many are under way at once as may still fail; the others wait for
    up to `max_wait` seconds. With `spares_loopback` clients of this machine are not counted.
    """

    def __init__(
        self,
        windows: Windows,
        *,
        limit: int,
        max_wait: float,
        secret: str,
        spares_loopback: bool,
    ) -> None:
        self._windows = windows
        self._limit = limit
        self._max_wait = max_wait
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._secret = secret.encode()
        self._spares_loopback = spares_loopback

    @asynccontextmanager
    async def attempt(
        self, username: str, session_of: SessionOf, *, event: str = "sign-in"
    ) -> AsyncIterator[Attempt]:
        """Let the current request try a password of an account, known or not.

        Raises TooMany, or Busy after a wait, before anything is hashed.
        """
        attempt = Attempt()
        client = request.remote_addr or ""
        if not self._limit or (self._spares_loopback and is_local(client)):
            yield attempt
            return
        address = self._key("address", network_of(client))
        if wait := await self._windows.wait(address, self._limit * ADDRESS_FACTOR):
            raise _refusal(wait, event, username, limit="address")
        account = await self._begin(username, session_of, event)
        try:
            yield attempt
        finally:
            try:
                if attempt.failed:
                    await self._windows.fail(account, self._limit)
                    await self._windows.fail(address, self._limit * ADDRESS_FACTOR)
            finally:
                await self._windows.end(account)

    async def _begin(self, username: str, session_of: SessionOf, event: str) -> str:
        """Begin an attempt, and return the key that it counts for. Raises TooMany, Busy."""
        key = self._key("account", username)
        wait = await self._place(key)
        if wait and (session := await session_of(username)):
            key = self._key("session", session)
            wait = await self._place(key)
        if wait:
            raise _refusal(wait, event, username, limit="account")
        return key

    async def _place(self, key: str) -> float:
        """Begin an attempt as soon as one may be begun; else the seconds until then.

        Who comes first is first, and alone looks whether it is time. Raises Busy.
        """
        try:
            async with (
                asyncio.timeout(self._max_wait),
                self._turns.setdefault(key, asyncio.Lock()),
            ):
                while (wait := await self._windows.begin(key, self._limit)) is None:  # noqa: ASYNC110
                    await asyncio.sleep(STEP)  # what is under way may be so in another process
                return wait
        except TimeoutError:
            message = "Too many sign in with this name at the moment. Try again in a moment."
            raise Busy(message, retry_after=self._max_wait) from None

    def _key(self, kind: str, value: str) -> str:
        """What stands for a value wherever it is counted: nobody reads a name or address there."""
        text = f"{kind}:{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:KEY_LENGTH]


def use_limits(
    app: Quart,
    *,
    limit: int,
    max_wait: float,
    redis_url: str,
    secret: str,
    spares_loopback: bool,
) -> None:
    """Give an application its limits, shared through the Redis at `redis_url` if there is one."""
    own = InProcess()
    windows: Windows = own
    if redis_url:
        # Nobody else shall pay for loading it.
        from quartapp.web.redis_windows import AWAY, InRedis

        shared = InRedis(redis_url)
        windows = WithFallback(shared, own, AWAY)
        app.after_serving(shared.close)
        app.extensions[_CHECK] = shared.check
    app.extensions[_KEY] = Limits(
        windows, limit=limit, max_wait=max_wait, secret=secret, spares_loopback=spares_loopback
    )


def watch(app: Quart) -> None:
    """Let `/readyz` tell whether the Redis of the limits answers, if there is one."""
    if _CHECK in app.extensions:
        add_check(app, "redis", app.extensions[_CHECK])


def limits() -> Limits:
    """The limits of the current application."""
    return cast(Limits, current_app.extensions[_KEY])


def is_local(client: str) -> bool:
    """Whether a client is on this machine: its address is loopback, or it came by a socket."""
    address = _address(client)
    return address is None or address.is_loopback


def network_of(client: str) -> str:
    """What an address is counted as: of IPv6 the /64, for anybody has all of its addresses."""
    address = _address(client)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), HOUSEHOLD), strict=False))
    return client if address is None else str(address)


def _address(client: str) -> IPv4Address | IPv6Address | None:
    """The address; one of IPv4 that was mapped into IPv6 as itself. None if it is none."""
    try:
        address = ip_address(client)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _refusal(wait: float, event: str, username: str, *, limit: str) -> TooMany:
    security(f"{event}.limited", limit=limit, name=tag(username))
    seconds = math.ceil(wait)
    return TooMany(
        f"Too many wrong passwords were given. Try again in {seconds} seconds.", retry_after=wait
    )
