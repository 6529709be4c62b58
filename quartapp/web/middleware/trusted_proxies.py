"""Where a request comes from, as a proxy in front tells it: its word is taken if it is named."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, Final, Literal, cast

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
    WebsocketScope,
)

from quartapp.web.middleware.request_line import is_proper_host

KEY: Final = "quartapp.proxied"  # in the scope: True if a trusted proxy has sent the request

MOST_PROXIES: Final = 32  # addresses of proxies looked at, from the last one on

Address = IPv4Address | IPv6Address
Trusted = IPv4Network | IPv6Network | Literal["unix"]
Headers = Iterable[tuple[bytes, bytes]]

_BRACKETED = re.compile(r"\[([0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\](?::([0-9]{1,5}))?")
_WITH_PORT = re.compile(r"([0-9.]+):([0-9]{1,5})")
_OF_WEBSOCKETS = {"http": "ws", "https": "wss"}


class TrustedProxies:
    """Puts the client's address, scheme and host into the scope, as trusted proxies tell them.

    `trusted` are networks, and "unix" for whoever comes by a Unix socket. X-Forwarded-For is read
    from its end: the first address that is not trusted is the client's, for what stands before it
    anybody can have written. Of X-Forwarded-Proto and -Host the last value counts, the word of the
    proxy next to us. What is malformed is not taken, and from anybody else the headers are nothing.
    """

    def __init__(self, app: ASGIFramework, trusted: Iterable[Trusted]) -> None:
        self.app = app
        listed = tuple(trusted)
        self._by_socket = "unix" in listed
        self._networks = [network for network in listed if network != "unix"]
        self._is_trusted_peer = lru_cache(maxsize=1024)(self._trusts)

    def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> Awaitable[None]:
        if scope["type"] != "lifespan" and self._is_from_proxy(scope):
            scope = cast(Scope, cast(dict[str, Any], scope) | self._told(scope))
        return self.app(scope, receive, send)

    def _is_from_proxy(self, scope: HTTPScope | WebsocketScope) -> bool:
        peer = scope.get("client")
        if not peer or not peer[0]:
            return self._by_socket
        return self._is_trusted_peer(peer[0])

    def _trusts(self, peer: str) -> bool:
        address = _address(peer)
        return address is not None and self._is_trusted(address)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def _told(self, scope: HTTPScope | WebsocketScope) -> dict[str, Any]:
        """What the proxy says of a request, as changes of its scope."""
        told: dict[str, Any] = {KEY: True}
        headers = list(scope["headers"])
        client = self._client(_values(headers, b"x-forwarded-for"))
        if client is not None:
            told["client"] = client
        scheme = _last(headers, b"x-forwarded-proto").lower()
        if scheme in _OF_WEBSOCKETS:
            is_http = scope["type"] == "http"
            told["scheme"] = scheme if is_http else _OF_WEBSOCKETS[scheme]
        host = _last(headers, b"x-forwarded-host").encode("latin-1")
        if host and is_proper_host(host):
            others = [each for each in headers if each[0].lower() != b"host"]
            told["headers"] = [(b"host", host), *others]
        return told

    def _client(self, hops: list[str]) -> tuple[str, int] | None:
        """The address and port of the client; None if that is not to be known."""
        found = None
        for hop in reversed(hops[-MOST_PROXIES:]):
            found = _host_and_port(hop)
            if found is None or not self._is_trusted(found[0]):
                break
        return None if found is None else (str(found[0]), found[1])


def _host_and_port(hop: str) -> tuple[Address, int] | None:
    """The parts of `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; port 0 if none.

    None for anything else.
    """
    found = _BRACKETED.fullmatch(hop) or _WITH_PORT.fullmatch(hop)
    host, port = found.groups(default="0") if found else (hop, "0")
    address = _address(host)
    return None if address is None or int(port) >= 2**16 else (address, int(port))


def _address(text: str) -> Address | None:
    """The address; one of IPv4 that was mapped into IPv6 as itself. None if it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None:
        return None
    return address.ipv4_mapped or address


def _values(headers: Headers, wanted: bytes) -> list[str]:
    """The values of a header that is a list, wherever they stand."""
    lines = [value.decode("latin-1") for name, value in headers if name.lower() == wanted]
    return [each.strip() for each in ",".join(lines).split(",")] if lines else []


def _last(headers: Headers, wanted: bytes) -> str:
    return (_values(headers, wanted) or [""])[-1]
