"""The token of the request at hand, once verified."""

from __future__ import annotations

from typing import Any

from werkzeug.local import LocalProxy

from quartapp.jwt.claims import Claims
from quartapp.jwt.jwt_manager import Installed, JWTManager, installed
from quartapp.jwt.signing import Header
from quartapp.jwt.state import Verified, connection, outcomes

_Manager = JWTManager | str | None


def get_jwt(*, manager: _Manager = None) -> Claims:
    """Return the claims; {} where an optional token was absent, RuntimeError unless verified."""
    return verified(manager).claims


def get_jwt_header(*, manager: _Manager = None) -> Header:
    """Return the header; {} where an optional token was absent, RuntimeError unless verified."""
    return verified(manager).header


def get_jwt_identity(*, manager: _Manager = None) -> Any:
    """Return the identity; None where an optional token was absent.

    Raises RuntimeError unless verified.
    """
    found, outcome = _known(manager)
    return outcome.claims.get(found.options.identity_claim_key)


def get_jwt_request_location() -> str | None:
    """Return where the token lay: headers, cookies, query_string, json; else None. Never raises."""
    try:
        return verified(None).location
    except RuntimeError:
        return None


def get_current_user(*, manager: _Manager = None) -> Any:
    """Return what the user lookup found; None where an optional token was absent.

    Raises RuntimeError unless verified, and where no user_lookup_loader is set.
    """
    outcome = verified(manager)
    if not outcome.has_user:
        raise RuntimeError(
            "get_current_user needs a function that loads users: @jwt.user_lookup_loader"
        )
    return outcome.user


current_user: Any = LocalProxy(get_current_user)


def verified(manager: _Manager) -> Verified:
    """Return all that is known of the token; RuntimeError unless it is verified."""
    return _known(manager)[1]


def _known(manager: _Manager) -> tuple[Installed, Verified]:
    """Return the manager that is meant, too: to find it out costs as much as all the rest."""
    conn = connection()
    if conn is not None:
        found = installed(manager, conn)
        outcome = outcomes(conn).get(found.manager.name)
        if outcome is not None:
            return found, outcome
    raise RuntimeError(
        "No token is verified for this request: use @jwt_required() or "
        "await verify_jwt_in_request() first"
    )
