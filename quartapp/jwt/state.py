"""What is known about the token of the request at hand.

It lies on the request (or websocket) object itself: `g` may be shared by several requests
made inside one application context.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, cast

from quart import Quart, Request, Websocket, current_app, has_websocket_context
from quart import request as current_request
from quart import websocket as current_websocket
from werkzeug.local import LocalProxy

Connection = Request | Websocket

_ATTRIBUTE: Final = "_quartapp_jwt"

# What they are proxies of is known to them alone.
_request: Final = cast("LocalProxy[Request]", current_request)
_websocket: Final = cast("LocalProxy[Websocket]", current_websocket)
_app: Final = cast("LocalProxy[Quart]", current_app)


@dataclass(frozen=True, slots=True)
class Verified:
    """The outcome of a verification; empty where an optional token was absent."""

    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    location: str | None = None
    user: Any = None
    has_user: bool = True
    # As it was sent.
    token: str = ""
    # The thumbprint of the key that its bearer has proved to hold (RFC 9449); None for a bearer
    # token.
    bound_to: str | None = None


# Which manager a decorator chose, and for which request: a context variable, so that tasks of
# one request do not disturb each other; with the request, so that a request made from within
# a view does not inherit the choice.
_chosen: ContextVar[tuple[Connection, str] | None] = ContextVar("quartapp_jwt_chosen", default=None)


def application() -> Quart:
    """Return the current application, itself and not its proxy; RuntimeError if there is none."""
    return _app._get_current_object()


def connection() -> Connection | None:
    """Return the request or websocket at hand, itself and not its proxy."""
    try:
        return _request._get_current_object()
    except RuntimeError:  # there is none
        return _websocket._get_current_object() if has_websocket_context() else None


def outcomes(conn: Connection) -> dict[str, Verified]:
    """Return the outcomes of this request so far, by the name of their manager."""
    found = vars(conn).get(_ATTRIBUTE)
    if found is None:
        found = vars(conn)[_ATTRIBUTE] = {}
    return cast("dict[str, Verified]", found)


def chosen_for(conn: Connection) -> str | None:
    """Return the name of the manager that a decorator of the running view chose."""
    choice = _chosen.get()
    return choice[1] if choice is not None and choice[0] is conn else None


@contextmanager
def choosing(manager: str) -> Iterator[None]:
    """Make this manager the one that is meant while a decorated view runs."""
    conn = connection()
    if conn is None:
        raise RuntimeError("A manager can be chosen only within a request")
    token = _chosen.set((conn, manager))
    try:
        yield
    finally:
        _chosen.reset(token)
