"""Scopes: what a token is good for, in its claim `scope` (RFC 8693 section 4.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, ParamSpec

from quartapp.jwt.current import get_jwt, get_jwt_header
from quartapp.jwt.exceptions import InsufficientScopeError
from quartapp.jwt.guards import guarded_by
from quartapp.jwt.jwt_manager import JWTManager, installed
from quartapp.jwt.options import EXEMPT_METHODS
from quartapp.jwt.state import connection, outcomes
from quartapp.jwt.view_decorators import verify_jwt_in_request

P = ParamSpec("P")
_Manager = JWTManager | str | None

# RFC 6749 section 3.3.
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def scope_claim(*scopes: str) -> dict[str, str]:
    """Return the claim that gives a new token these scopes, for `additional_claims`.

    Raises ValueError for a scope that is empty or holds a space, a quotation mark, a backslash
    or anything but ASCII.
    """
    return {"scope": " ".join(_checked(scopes))}


def get_scopes(*, manager: _Manager = None) -> frozenset[str]:
    """Return the scopes of the request's token; none where an optional token was absent.

    Raises RuntimeError unless verified.
    """
    claim = get_jwt(manager=manager).get("scope")
    if isinstance(claim, str):
        return frozenset(claim.split(" ")) - {""}
    # Some issuers write a list.
    return frozenset(s for s in claim if isinstance(s, str)) if isinstance(claim, list) else _NONE


_NONE: Final[frozenset[str]] = frozenset()


def check_scopes(*scopes: str, manager: _Manager = None) -> None:
    """Refuse the request if its verified token lacks one of these scopes, with 403.

    Raises InsufficientScopeError; RuntimeError unless a token is verified.
    """
    if not get_scopes(manager=manager).issuperset(_checked(scopes)):
        header, claims = get_jwt_header(manager=manager), get_jwt(manager=manager)
        error = InsufficientScopeError(scopes, header, claims)
        installed(manager).take_over(error)
        raise error


def requires_scopes(
    *scopes: str, manager: _Manager = None
) -> Callable[[Callable[P, Any]], Callable[P, Coroutine[Any, Any, Any]]]:
    """Let a view run only with a token that has all of these scopes (RFC 6750 section 3.1).

    Alone it asks for a valid access token too; below `jwt_required` it takes the token verified
    there. A valid token without the scopes is answered with 403 and their names. `manager` is
    also the one meant by everything that the view calls. Raises ValueError for a scope that no
    token can hold.
    """
    if not _checked(scopes):
        raise ValueError("Name one scope or more")

    def decorate(view: Callable[P, Any]) -> Callable[P, Coroutine[Any, Any, Any]]:
        return guarded_by(partial(_check, scopes), view, manager)

    return decorate


async def _check(scopes: tuple[str, ...]) -> None:
    conn = connection()
    if conn is None:
        raise RuntimeError("requires_scopes needs a request or a websocket")
    if conn.method in EXEMPT_METHODS:
        return
    outcome = outcomes(conn).get(installed().manager.name)
    # An optional token that was absent has no scopes either, and 401 says so better.
    if outcome is None or not outcome.claims:
        await verify_jwt_in_request()
    check_scopes(*scopes)


def _checked(scopes: tuple[str, ...]) -> tuple[str, ...]:
    for scope in scopes:
        if not isinstance(scope, str) or not _SCOPE.fullmatch(scope):
            raise ValueError(f"{scope!r} is no scope")
    return scopes
