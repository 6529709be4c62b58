"""Keys of another issuer, from its JWKS document (RFC 7517 section 5).

A token makes this ask the issuer at most once a minute, however many tokens with unknown names
come at once; and the issuer can make this keep no more than a bounded document.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from http.client import HTTPException as HTTPClientError
from http.client import HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

from werkzeug.exceptions import ServiceUnavailable

from quartapp.jwt.keys import Key, KeyRing
from quartapp.jwt.threads import in_own_thread

Document = bytes | str | Mapping[str, Any]
Fetch = Callable[[str], Awaitable[Document]]

_LARGEST: Final = 2**20
_MOST_KEYS: Final = 100
_CHUNK: Final = 2**16
# Seconds until the next try where no key is known at all: every request waits for it.
_FIRST_KEYS: Final = 5.0

_log: Final = logging.getLogger("quartapp.jwt")


class KeysUnavailableError(ServiceUnavailable):
    """The issuer's keys cannot be had, so no token of it can be judged: answered with 503."""

    description = "The keys that verify tokens cannot be had at present."


class RemoteKeys:
    """Verifies with the public keys at `url`; it never signs.

    `fetch` gets the document: an async callable, url -> bytes, text or dict; by default over
    HTTPS alone, without redirects. `timeout`: seconds for one fetch. `lifetime`: seconds after
    which the document is fetched again. `cooldown`: seconds between two fetches that tokens
    bring about. Keys that were fetched stay in use while the issuer cannot be reached.
    Raises ValueError if there is no `fetch` and the URL is not https.
    """

    def __init__(
        self,
        url: str,
        fetch: Fetch | None = None,
        *,
        timeout: float = 5.0,
        lifetime: float = 3600.0,
        cooldown: float = 60.0,
    ) -> None:
        self.url = url
        self._fetch = fetch or https_fetch(url, timeout=timeout)
        self._timeout = timeout
        self._lifetime = lifetime
        self._cooldown = cooldown
        self._ring: KeyRing | None = None
        self._tried = self._fetched = float("-inf")
        self._flight: asyncio.Task[None] | None = None

    async def find(self, kid: str) -> Key | None:
        """Return the key of this name; KeysUnavailableError if no keys could be had yet."""
        if self._ring is None or time.monotonic() - self._fetched >= self._lifetime:
            await self._refresh()
        if self._ring is None:
            raise KeysUnavailableError(retry_after=int(_FIRST_KEYS))
        key = self._ring.get(kid)
        if key is None:
            await self._refresh()
            key = self._ring.get(kid)
        return key

    async def signing_key(self) -> Key:
        """Raise RuntimeError: the secret halves are the issuer's."""
        raise RuntimeError("Remote keys verify; they cannot sign")

    async def _refresh(self) -> None:
        """Fetch unless it is too soon; who comes while a fetch is under way waits for that one."""
        flight = self._flight
        if flight is None or flight.done() or flight.get_loop() is not asyncio.get_running_loop():
            wait = _FIRST_KEYS if self._ring is None else self._cooldown
            if time.monotonic() - self._tried < wait:
                return
            self._tried = time.monotonic()
            flight = self._flight = asyncio.create_task(self._fetch_now())
        # A client that hangs up takes nobody else's keys away.
        await asyncio.shield(flight)

    async def _fetch_now(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                document = await self._fetch(self.url)
            # A document as large as is allowed takes its time.
            self._ring = await in_own_thread(parse_jwks, document)
            self._fetched = time.monotonic()
        # The callable is anybody's, and so is what it raises; the next try is a minute away.
        except Exception as error:
            _log.warning(
                "The keys at %s cannot be had: %s: %s", self.url, type(error).__name__, error
            )


def parse_jwks(document: Document) -> KeyRing:
    """Read a JWKS document of public keys; ValueError if it is none or holds none of use.

    Left out are keys without a name, for encryption, symmetric, too short, and of algorithms
    that are not known here; of two with one name the first counts.
    """
    if isinstance(document, bytes | str):
        if len(document) > _LARGEST:
            raise ValueError(f"The document is larger than {_LARGEST} bytes")
        try:
            document = json.loads(document)
        except (ValueError, RecursionError):
            raise ValueError("The document is no JSON") from None
    listed = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(listed, list):
        raise ValueError('The document is no JSON object with a list "keys"')
    keys: dict[str, Key] = {}
    for jwk in listed[:_MOST_KEYS]:
        if _is_for_signatures(jwk):
            try:
                key = Key.from_jwk(_public_members(jwk))
            except ValueError:
                continue
            keys.setdefault(key.kid, key)
    if not keys:
        raise ValueError("The document holds no key of use")
    return KeyRing(keys.values())


def _is_for_signatures(jwk: object) -> bool:
    if not isinstance(jwk, dict) or jwk.get("kty") == "oct" or jwk.get("use", "sig") != "sig":
        return False
    operations = jwk.get("key_ops", ["verify"])
    return isinstance(operations, list) and "verify" in operations


def _public_members(jwk: dict[str, Any]) -> dict[str, Any]:
    """An issuer that publishes its secret halves is not to make this one sign."""
    return {n: jwk[n] for n in ("kty", "kid", "alg", "crv", "n", "e", "x", "y") if n in jwk}


def https_fetch(url: str, *, timeout: float = 5.0, context: ssl.SSLContext | None = None) -> Fetch:
    """Return what fetches a document of bounded size over HTTPS, in a thread.

    `timeout`: seconds for the whole of it. `context`: whom to trust, if not the system's
    authorities. Raises ValueError unless `url` begins with https://.
    """
    if urlsplit(url).scheme != "https" or not urlsplit(url).hostname:
        raise ValueError("The URL of remote keys has to begin with https://")

    async def fetch(url: str) -> bytes:
        return await in_own_thread(_get, url, timeout, context)

    return fetch


def _get(url: str, timeout: float, context: ssl.SSLContext | None) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    deadline = time.monotonic() + timeout
    connection = HTTPSConnection(
        str(parts.hostname),
        parts.port or 443,
        timeout=timeout,
        context=context or ssl.create_default_context(),
    )
    try:
        connection.request("GET", target, headers={"Accept": "application/jwk-set+json, */*"})
        response = connection.getresponse()
        if response.status != 200:  # a redirect too: it could lead anywhere
            raise HTTPClientError(f"status {response.status}")
        body = b""
        while chunk := response.read1(_CHUNK):
            body += chunk
            if len(body) > _LARGEST or time.monotonic() > deadline:
                raise HTTPClientError("too large or too slow")
        return body
    finally:
        connection.close()
