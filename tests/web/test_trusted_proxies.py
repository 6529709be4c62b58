"""Who is believed that says where a request comes from, and how it is read."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address, ip_network
from typing import Any, cast

import pytest
from hypercorn.typing import Scope
from hypothesis import given
from hypothesis import strategies as st
from quart import request, url_for
from sqlalchemy import select

from quartapp.accounts.models import LoginSession
from quartapp.testing import PASSWORD, new_user, temporary_app
from quartapp.web.db import app_database
from quartapp.web.middleware.trusted_proxies import KEY, TrustedProxies

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8:ffff::/48"))
PROXY = ("10.0.0.1", 5000)


async def known(
    *headers: tuple[str, str],
    peer: tuple[str, int] | None = PROXY,
    trusted: tuple[Any, ...] = TRUSTED,
    **scope: Any,
) -> dict[str, Any]:
    """The scope of a request as the application behind gets it."""
    found: dict[str, Any] = {}

    async def inner(scope: Any, _receive: object, _send: object) -> None:
        found.update(scope)

    given: dict[str, Any] = {
        "type": "http",
        "scheme": "http",
        "client": peer,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }
    outside = cast(Any, None)
    await TrustedProxies(inner, trusted)(cast(Scope, given | scope), outside, outside)
    return found


async def client(value: str, **more: Any) -> Any:
    return (await known(("X-Forwarded-For", value), **more))["client"]


@pytest.mark.parametrize("peer", [("192.0.2.1", 1), ("::1", 1), ("127.0.0.1", 1), ("x", 1), None])
async def test_from_anybody_else_the_headers_change_nothing(peer: tuple[str, int] | None) -> None:
    told = [("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https")]
    scope = await known(*told, ("X-Forwarded-Host", "evil.example"), ("Host", "own"), peer=peer)

    assert (scope["client"], scope["scheme"]) == (peer, "http")
    assert (b"host", b"own") in scope["headers"]
    assert KEY not in scope


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("203.0.113.9", ("203.0.113.9", 0)),
        ("203.0.113.9:4711", ("203.0.113.9", 4711)),
        ("2001:db8::1", ("2001:db8::1", 0)),
        ("[2001:db8::1]", ("2001:db8::1", 0)),
        ("[2001:db8::1]:4711", ("2001:db8::1", 4711)),
        ("2001:DB8:0::0001", ("2001:db8::1", 0)),
        ("::ffff:203.0.113.9", ("203.0.113.9", 0)),
        (" 203.0.113.9 ", ("203.0.113.9", 0)),
        # Whatever stands before the first that is not trusted, anybody can have written.
        ("127.0.0.1, 203.0.113.9", ("203.0.113.9", 0)),
        ("nonsense, 203.0.113.9, 10.0.0.7", ("203.0.113.9", 0)),
        ("127.0.0.1, 203.0.113.9, 10.9.9.9:80, [2001:db8:ffff::1]:443", ("203.0.113.9", 0)),
        # One of the proxies asks for itself.
        ("10.0.0.3, 10.0.0.2", ("10.0.0.3", 0)),
        pytest.param("10.0.0.2," * 5000 + "10.0.0.2", ("10.0.0.2", 0), id="many"),
    ],
)
async def test_the_first_address_from_the_end_that_is_not_trusted_is_the_client_s(
    value: str, expected: tuple[str, int]
) -> None:
    assert await client(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        ",",
        "unknown",
        "_hidden",
        "203.0.113.9,",
        "203.0.113.9, unknown",
        "203.0.113.9, unknown, 10.0.0.2",
        "203.0.113.999",
        "203.0.113.9:",
        "203.0.113.9:x",
        "203.0.113.9:65536",
        "203.0.113.9:-1",
        "203.0.113.9 10.0.0.1",
        "[203.0.113.9]",
        "[2001:db8::1",
        "2001:db8::1]",
        "[2001:db8::1]4711",
        "[2001:db8::1]:",
        "fe80::1%eth0",
        "203.0.113.٩",
        "0xcb007109",
        "\x00",
        pytest.param("a" * 60_000, id="long"),
    ],
)
async def test_what_is_malformed_is_not_taken_and_the_peer_s_address_stands(value: str) -> None:
    assert await client(value) == PROXY


@given(st.text(alphabet="0123456789abcdefx.:,[]% ٩", max_size=60))
def test_whatever_it_says_is_an_address_or_nothing(value: str) -> None:
    address, port = asyncio.run(client(value))
    assert str(ip_address(address)) == address
    assert 0 <= port < 2**16


async def test_several_headers_are_read_as_one_list() -> None:
    scope = await known(
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-For", "10.0.0.2"),
    )
    assert scope["client"] == ("203.0.113.9", 0)


async def test_a_peer_that_is_mapped_into_ipv6_is_known() -> None:
    assert await client("203.0.113.9", peer=("::ffff:10.0.0.1", 1)) == ("203.0.113.9", 0)


async def test_a_proxy_that_comes_by_a_socket_is_believed_where_sockets_are_named() -> None:
    assert await client("203.0.113.9", peer=None, trusted=("unix",)) == ("203.0.113.9", 0)
    assert await client("203.0.113.9", peer=("", 0), trusted=("unix",)) == ("203.0.113.9", 0)
    assert await client("203.0.113.9", peer=("fe80::1%eth0", 1), trusted=("unix",)) != (
        "203.0.113.9",
        0,
    )


@pytest.mark.parametrize(
    ("kind", "told", "scheme"),
    [
        ("http", "https", "https"),
        ("http", "HTTPS", "https"),
        ("http", "https, http", "http"),
        ("http", "javascript", "http"),
        ("http", "", "http"),
        ("websocket", "https", "wss"),
        ("websocket", "http", "ws"),
        ("websocket", "ftp", "ws"),
    ],
)
async def test_the_scheme_is_the_one_that_the_nearest_proxy_tells(
    kind: str, told: str, scheme: str
) -> None:
    own = {"http": "http", "websocket": "ws"}[kind]
    found = await known(("X-Forwarded-Proto", told), type=kind, scheme=own)
    assert found["scheme"] == scheme
    assert found[KEY] is True


@pytest.mark.parametrize(
    ("told", "host"),
    [
        ("example.com", b"example.com"),
        ("example.com:8443", b"example.com:8443"),
        ("evil.example, example.com", b"example.com"),
        ("[2001:db8::1]:8443", b"[2001:db8::1]:8443"),
        ("a b", b"own"),
        ("a/b", b"own"),
        ("a..b", b"own"),
        ("", b"own"),
    ],
)
async def test_the_host_is_taken_if_it_is_one(told: str, host: bytes) -> None:
    scope = await known(("Host", "own"), ("X-Forwarded-Host", told))
    assert [value for name, value in scope["headers"] if name == b"host"] == [host]


async def test_the_end_of_the_server_is_handed_on() -> None:
    assert (await known(type="lifespan", client=None))["type"] == "lifespan"


async def test_an_application_behind_tls_knows_its_client_and_its_own_address() -> None:
    async with temporary_app(env="production", trusted_proxies=TRUSTED) as app:

        @app.get("/where")
        async def where() -> dict[str, object]:
            """Tell what a view sees."""
            own = url_for("where", _external=True)
            return {"own": own, "secure": request.is_secure, "client": request.remote_addr}

        through: dict[str, Any] = {
            "headers": {
                "Host": "app:8000",
                "X-Forwarded-For": "127.0.0.1, 203.0.113.9",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Host": "example.com",
            },
            "scope_base": {"client": PROXY},
        }
        seen = await (await app.test_client().get("/where", **through)).get_json()
        user = await new_user(app)
        form = {"username": user.username, "password": PASSWORD}
        through["headers"]["Origin"] = "https://example.com"
        signed_in = await app.test_client().post("/login", form=form, **through)
        through["headers"]["Origin"] = "https://evil.example"
        refused = await app.test_client().post("/login", form=form, **through)
        async with app_database(app).reading() as db:
            (address,) = (await db.scalars(select(LoginSession.address))).all()

    assert seen == {"own": "https://example.com/where", "secure": True, "client": "203.0.113.9"}
    assert (signed_in.status_code, refused.status_code) == (303, 403)
    assert "Secure" in signed_in.headers["Set-Cookie"]
    assert address == "203.0.113.9"
