"""Tokens bound to a client's key (RFC 9449): where they lie, who may use them, what is answered."""

from __future__ import annotations

from typing import Any, Final, Literal

from quart import current_app

from quartapp.jwt.callbacks import Callback, call, printable
from quartapp.jwt.claims import Claims
from quartapp.jwt.dpop import DPoPPolicy, verify_proof
from quartapp.jwt.exceptions import (
    DPoPBindingError,
    DPoPError,
    InvalidHeaderError,
    NoAuthorizationError,
)
from quartapp.jwt.locations import SEARCH
from quartapp.jwt.options import Options
from quartapp.jwt.state import Connection

# True: only tokens bound to a key. "optional": bearer tokens too. False: these alone.
DPoPWanted = bool | Literal["optional"]

SCHEME: Final = "DPoP"
# The attribute of a refusal that tells which algorithms a DPoP challenge names.
_CHALLENGE: Final = "dpop_algorithms"


async def find_token(
    place: str, conn: Connection, options: Options, refresh: bool, wanted: DPoPWanted
) -> tuple[Any, str | None, bool]:
    """Search one place; gives token, CSRF value, and whether the scheme was DPoP.

    Raises what the functions of quartapp.jwt.locations raise.
    """
    if place == "headers" and wanted:
        words = _credentials(conn, options)
        if words or wanted is True:
            return _bound_token(words, options), None, True
    token, csrf_value = await SEARCH[place](conn, options, refresh)
    return token, csrf_value, False


async def check_binding(
    policy: DPoPPolicy | None,
    conn: Connection,
    *,
    wanted: DPoPWanted,
    token: str,
    claims: Claims,
    by_scheme: bool,
    place: str,
) -> str | None:
    """Return the thumbprint of the key that the client has proved to hold; None if none is wanted.

    A token bound to a key is worth nothing without the proof, on any route (section 7.2).
    Raises DPoPError and its kinds.
    """
    bound, key = _confirmation(claims)
    algorithms = () if policy is None else policy.algorithms
    if not bound:
        if wanted is True or by_scheme:
            raise DPoPBindingError("The token is bound to no key", algorithms)
        return None
    if not wanted or policy is None:
        raise DPoPBindingError("The token is bound to a key that is not asked for here", algorithms)
    if not isinstance(key, str) or (place == "headers" and not by_scheme):
        raise DPoPBindingError("The token is bound to a key: the scheme is DPoP", algorithms)
    is_refresh = claims.get("type") == "refresh"
    return await verify_proof(policy, conn, token=token, bound_to=key, is_refresh=is_refresh)


def confirmation(thumbprint: str | None) -> Claims:
    """Return the claim that binds a token to a key (RFC 9449 section 6.1); {} without one."""
    return {} if thumbprint is None else {"cnf": {"jkt": thumbprint}}


def to_be_challenged(error: Exception, policy: DPoPPolicy) -> None:
    """Let the answer to this refusal ask for a proof."""
    vars(error)[_CHALLENGE] = tuple(policy.algorithms)


async def answer_dpop(error: DPoPError, answers: dict[str, Callback], options: Options) -> Any:
    """Return the answer to a missing or wrong proof: the callback's, or the error code in JSON."""
    text = printable(str(error))
    callback = answers.get("invalid_token")
    if callback is not None:
        return await call(callback, text)
    # `error` is where the clients of a token endpoint look (RFC 6749 section 5.2).
    return {options.error_msg_key: text, "error": error.code}, error.status


async def with_challenge(answer: Any, error: Exception) -> Any:
    """Add what a client is asked for (RFC 9449 section 7.1) to an answer of 401."""
    algorithms = vars(error).get(_CHALLENGE)
    if isinstance(error, DPoPError):
        algorithms = algorithms or error.algorithms
    if algorithms is None:
        return answer
    response = await current_app.make_response(answer)
    if response.status_code == 401:
        response.headers.add("WWW-Authenticate", _challenge(error, algorithms))
    return response


def _challenge(error: Exception, algorithms: tuple[str, ...]) -> str:
    parameters = []
    if isinstance(error, DPoPError):
        parameters = [f'error="{error.code}"', f'error_description="{error}"']
    elif not isinstance(error, NoAuthorizationError):
        parameters = ['error="invalid_token"']
    if algorithms:
        parameters.append(f'algs="{" ".join(algorithms)}"')
    return f"{SCHEME} {', '.join(parameters)}".strip()


def _credentials(conn: Connection, options: Options) -> list[list[str]]:
    """Return the credentials of scheme DPoP, which is written in any case (RFC 9110 11.1)."""
    value = ",".join(conn.headers.getlist(options.header_name))
    fields = [field.split() for field in value.split(",")]
    return [words for words in fields if words and words[0].lower() == SCHEME.lower()]


def _bound_token(credentials: list[list[str]], options: Options) -> str:
    name = options.header_name
    expected = f"Expected '{name}: {SCHEME} <JWT>'"
    if len(credentials) != 1:
        raise NoAuthorizationError(f"Missing '{SCHEME}' type in '{name}' header. {expected}")
    if len(credentials[0]) != 2:
        raise InvalidHeaderError(f"Bad {name} header. {expected}")
    return credentials[0][1]


def _confirmation(claims: Claims) -> tuple[bool, Any]:
    cnf = claims.get("cnf")
    if isinstance(cnf, dict) and "jkt" in cnf:
        return True, cnf["jkt"]
    return False, None
