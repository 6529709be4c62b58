"""Where a request can carry its token: header, cookie, query string, JSON body.

Each function returns the token and the CSRF value to compare (None where there is nothing to
compare), or raises NoAuthorizationError where its place holds no token: then the next place
is searched. Any other refusal ends the search.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from quart import Request
from werkzeug.exceptions import BadRequest, HTTPException

from quartapp.jwt.exceptions import (
    CSRFError,
    InvalidHeaderError,
    InvalidQueryParamError,
    NoAuthorizationError,
)
from quartapp.jwt.options import Options
from quartapp.jwt.state import Connection

Found = tuple[Any, str | None]

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


async def in_headers(conn: Connection, options: Options, refresh: bool) -> Found:
    """Find `Authorization: Bearer <token>` (RFC 6750 section 2.1)."""
    name, scheme = options.header_name, options.header_type
    # Fields of one name make one list (RFC 9110 section 5.3): two tokens are none.
    value = ",".join(conn.headers.getlist(name)).strip().strip(",")
    if not value:
        raise NoAuthorizationError(f"Missing {name} Header")
    if not scheme:
        words = value.split()
        if len(words) != 1:
            raise InvalidHeaderError(f"Bad {name} header. Expected '{name}: <JWT>'")
        return words[0], None

    fields = [field.split() for field in value.split(",")]
    matching = [words for words in fields if words and words[0] == scheme]
    expected = f"Expected '{name}: {scheme} <JWT>'"
    if len(matching) != 1:
        raise NoAuthorizationError(f"Missing '{scheme}' type in '{name}' header. {expected}")
    if len(matching[0]) != 2:
        raise InvalidHeaderError(f"Bad {name} header. {expected}")
    return matching[0][1], None


async def in_cookies(conn: Connection, options: Options, refresh: bool) -> Found:
    """Find the token's cookie, and the double-submit value where the method asks for one."""
    name = options.refresh_cookie_name if refresh else options.access_cookie_name
    token = conn.cookies.get(name)
    if not token:
        raise NoAuthorizationError(f'Missing cookie "{name}"')
    if not options.cookie_csrf_protect:
        return token, None

    header = options.refresh_csrf_header_name if refresh else options.access_csrf_header_name
    field = options.refresh_csrf_field_name if refresh else options.access_csrf_field_name
    value: str | None = ",".join(conn.headers.getlist(header))
    if isinstance(conn, Request):
        if conn.method not in options.csrf_request_methods:
            return token, None
        if not value and options.csrf_check_form:
            value = (await conn.form).get(field)
    else:
        # A handshake is a GET that any site's page can make a browser send, cookies and all;
        # and a browser's page can add no header to it, hence the query parameter.
        value = value or conn.args.get(field)
        if not value and is_same_site(conn):
            return token, None
    if not value:
        raise CSRFError("Missing CSRF token")
    return token, value


async def in_query_string(conn: Connection, options: Options, refresh: bool) -> Found:
    """Find the token in a query parameter (which RFC 9700 section 4.3.2 advises against)."""
    name, prefix = options.query_string_name, options.query_string_value_prefix
    value = conn.args.get(name)
    if not value:
        raise NoAuthorizationError(f"Missing '{name}' query paramater")
    if not value.startswith(prefix):
        raise InvalidQueryParamError(
            f"Invalid value for query parameter '{name}'. "
            f"Expected the value to start with '{prefix}'"
        )
    return value[len(prefix) :], None


async def in_json(conn: Connection, options: Options, refresh: bool) -> Found:
    """Find the token in a JSON object, the request's body."""
    if not isinstance(conn, Request) or not conn.is_json:
        raise NoAuthorizationError("Invalid content-type. Must be application/json.")
    name = options.refresh_json_key if refresh else options.json_key
    try:
        body = await conn.get_json()
    except BadRequest:
        body = None
    except HTTPException:
        raise  # too large, or too slow
    # Not UTF-8, nested beyond reason: every JSON library has errors of its own for these.
    except Exception:
        body = None
    token = body.get(name) if isinstance(body, dict) else None
    if not token:
        raise NoAuthorizationError(f'Missing "{name}" key in json data.')
    return token, None


SEARCH: Final[dict[str, Callable[[Connection, Options, bool], Awaitable[Found]]]] = {
    "headers": in_headers,
    "cookies": in_cookies,
    "query_string": in_query_string,
    "json": in_json,
}


def is_same_site(conn: Connection) -> bool:
    """Tell whether the page that opens a websocket comes from this very host and port.

    The scheme of the Origin (RFC 6455 section 10.2) gives the port where none is named: a
    proxy in front may have ended TLS. Where TLS reaches this process, a page without it is
    another site: anybody on the way may have written it.
    """
    origins = conn.headers.getlist("Origin")
    if len(origins) != 1:
        return False
    try:
        origin = urlsplit(origins[0])
        if conn.scheme == "wss" and origin.scheme != "https":
            return False
        default_port = _DEFAULT_PORTS[origin.scheme]
        own = urlsplit(f"//{conn.host}")
        return origin.hostname is not None and (
            (origin.hostname, origin.port or default_port)
            == (own.hostname, own.port or default_port)
        )
    except (ValueError, KeyError):
        return False
