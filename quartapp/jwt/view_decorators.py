"""Who may come in: verify_jwt_in_request and its decorator."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence, Set
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, ParamSpec

from jwt import PyJWTError

from quartapp.jwt.binding import DPoPWanted, check_binding, find_token, to_be_challenged
from quartapp.jwt.callbacks import call
from quartapp.jwt.claims import Claims, is_still_fresh
from quartapp.jwt.codec import decode
from quartapp.jwt.exceptions import (
    FreshTokenRequired,
    JWTExtendedException,
    NoAuthorizationError,
    RevokedTokenError,
    UserClaimsVerificationError,
    UserLookupError,
    WrongTokenError,
)
from quartapp.jwt.guards import guarded_by
from quartapp.jwt.jwt_manager import Installed, JWTManager, installed
from quartapp.jwt.locations import SEARCH
from quartapp.jwt.options import EXEMPT_METHODS, LOCATIONS
from quartapp.jwt.proofs import require_dpop
from quartapp.jwt.sessions import check_session as check_the_session
from quartapp.jwt.signing import Header
from quartapp.jwt.state import Connection, Verified, connection, outcomes
from quartapp.jwt.threads import from_threads

Locations = str | Sequence[str] | None
P = ParamSpec("P")


@from_threads
async def verify_jwt_in_request(  # noqa: PLR0913 - the signature that users know
    optional: bool = False,
    fresh: bool = False,
    refresh: bool = False,
    locations: Locations = None,
    verify_type: bool = True,
    skip_revocation_check: bool = False,
    *,
    check_session: bool = False,
    dpop: DPoPWanted = False,
    manager: JWTManager | str | None = None,
) -> tuple[Header, Claims] | None:
    """Verify the token of the request at hand and return its header and claims.

    None for an OPTIONS request, and with `optional` for one without a token. Order: the
    token itself, type, freshness, blocklist, session, token_verification, user lookup.
    `check_session` asks the store of use_sessions whether the session is still live. `dpop`
    takes tokens bound to the client's key (RFC 9449): these alone, or with "optional" bearer
    tokens too; a bound token is refused wherever no proof is asked for.
    Raises the exceptions of `quartapp.jwt.exceptions` and PyJWT's InvalidTokenError.
    """
    conn = connection()
    found = installed(manager, conn)
    if conn is None:
        raise RuntimeError("verify_jwt_in_request needs a request or a websocket")
    if conn.method in EXEMPT_METHODS:
        return None
    wanted = _Wanted(fresh, refresh, verify_type, skip_revocation_check, check_session, dpop)
    if dpop:
        require_dpop(found)
    is_there = False
    try:
        outcome = await _verify(found, conn, _places(found, locations), wanted)
        is_there = True
        outcome = await _with_user(found, outcome)
    except (JWTExtendedException, PyJWTError) as error:
        if is_there or not (optional and isinstance(error, NoAuthorizationError)):
            found.take_over(error)
            if dpop:
                to_be_challenged(error, require_dpop(found))
            raise
        outcomes(conn)[found.manager.name] = Verified()
        return None
    outcomes(conn)[found.manager.name] = outcome
    return outcome.header, outcome.claims


def jwt_required(  # noqa: PLR0913 - the signature that users know
    optional: bool = False,
    fresh: bool = False,
    refresh: bool = False,
    locations: Locations = None,
    verify_type: bool = True,
    skip_revocation_check: bool = False,
    *,
    check_session: bool = False,
    dpop: DPoPWanted = False,
    manager: JWTManager | str | None = None,
) -> Callable[[Callable[P, Any]], Callable[P, Coroutine[Any, Any, Any]]]:
    """Let a view run only with a valid token: for views, methods of classes, and websockets.

    A `def` view runs where Quart runs it, in a thread. `manager` is also the one meant by
    everything that the view calls. See verify_jwt_in_request for the rest.
    """
    if callable(optional):
        raise TypeError("jwt_required is called with parentheses: @jwt_required()")

    check = partial(
        verify_jwt_in_request,
        optional,
        fresh,
        refresh,
        locations,
        verify_type,
        skip_revocation_check,
        check_session=check_session,
        dpop=dpop,
    )

    def decorate(view: Callable[P, Any]) -> Callable[P, Coroutine[Any, Any, Any]]:
        return guarded_by(check, view, manager)

    return decorate


class _Wanted(NamedTuple):
    """What the caller asks of the token, besides being valid."""

    fresh: bool
    refresh: bool
    verify_type: bool
    skip_revocation_check: bool
    check_session: bool
    dpop: DPoPWanted


def _places(found: Installed, locations: Locations) -> list[str]:
    if isinstance(locations, str):
        locations = [locations]
    if not locations:
        chosen = found.options.token_location
        return sorted(chosen, key=LOCATIONS.index) if isinstance(chosen, Set) else list(chosen)
    for name in locations:
        if name not in SEARCH:
            raise RuntimeError(f"{name!r} is not a valid location")
    return list(locations)


async def _verify(
    found: Installed, conn: Connection, places: Sequence[str], wanted: _Wanted
) -> Verified:
    missing = []
    by_scheme = False
    for place in places:
        try:
            if wanted.dpop:
                token, csrf_value, by_scheme = await find_token(
                    place, conn, found.options, wanted.refresh, wanted.dpop
                )
            else:
                token, csrf_value = await SEARCH[place](conn, found.options, wanted.refresh)
        except NoAuthorizationError as error:
            missing.append(str(error))
            continue
        header, claims = await decode(found, token, csrf_value)
        bound_to = None
        if wanted.dpop or "cnf" in claims:
            bound_to = await check_binding(
                found.manager.dpop,
                conn,
                wanted=wanted.dpop,
                token=token,
                claims=claims,
                by_scheme=by_scheme,
                place=place,
            )
        await _check(found, token, header, claims, wanted)
        return Verified(header, claims, place, None, False, token, bound_to)
    if len(places) == 1:
        raise NoAuthorizationError(missing[0])
    raise NoAuthorizationError(
        f"Missing JWT in {', '.join(places[:-1])} or {places[-1]} ({'; '.join(missing)})"
    )


async def _check(
    found: Installed, token: str, header: Header, claims: Claims, wanted: _Wanted
) -> None:
    is_refresh = claims["type"] == "refresh"
    if wanted.verify_type and is_refresh != bool(wanted.refresh):
        only = "Only refresh" if wanted.refresh else "Only non-refresh"
        raise WrongTokenError(f"{only} tokens are allowed")
    if wanted.fresh and not is_still_fresh(claims["fresh"]):
        raise FreshTokenRequired("Fresh token required", header, claims)
    revoked = None if wanted.skip_revocation_check else found.manager.token_in_blocklist
    if revoked is not None and await call(revoked, header, claims):
        raise RevokedTokenError(header, claims)
    if wanted.check_session:
        await check_the_session(found, token, header, claims)
    welcome = found.manager.token_verification
    if welcome is not None and not await call(welcome, header, claims):
        raise UserClaimsVerificationError("User claims verification failed", header, claims)


async def _with_user(found: Installed, verified: Verified) -> Verified:
    lookup = found.manager.user_lookup
    if lookup is None:
        return verified
    header, claims = verified.header, verified.claims
    user = await call(lookup, header, claims)
    if user is None:
        identity = claims[found.options.identity_claim_key]
        raise UserLookupError(f"user_lookup returned None for {identity}", header, claims)
    return replace(verified, user=user, has_user=True)
