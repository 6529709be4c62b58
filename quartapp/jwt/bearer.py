"""Answers as RFC 6750 section 3 has them: what was wrong, where a client's library looks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from jwt.exceptions import PyJWTError
from quart import Response, jsonify
from werkzeug.sansio.response import Response as AnyResponse

from quartapp.jwt import exceptions as ours

# Kind of refusal -> error code and status. None: the request held no credentials that could be
# wrong, and RFC 6750 section 3.1 wants no code then. What is not listed is an invalid token.
_CODES: Final[dict[type[Exception], tuple[str | None, int]]] = {
    ours.NoAuthorizationError: (None, 401),
    ours.CSRFError: (None, 401),
    ours.InvalidHeaderError: ("invalid_request", 400),
    ours.InvalidQueryParamError: ("invalid_request", 400),
    ours.InsufficientScopeError: ("insufficient_scope", 403),
    # RFC 9470 section 3: the token is good, the login too long ago.
    ours.FreshTokenRequired: ("insufficient_user_authentication", 401),
    ours.JWTExtendedException: ("invalid_token", 401),
    PyJWTError: ("invalid_token", 401),
}

# RFC 6750 section 3: what error_description may hold; a quotation mark would end it.
_NOT_IN_A_DESCRIPTION: Final = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
# RFC 9110 section 5.6.4: what a quoted string cannot hold, or only escaped.
_NOT_IN_QUOTES: Final = re.compile(r"[^\x20-\x7e]")
_TO_ESCAPE: Final = re.compile(r'(["\\])')
# Enough for a sentence; a header of any length would be cut off by somebody else.
_LONGEST_DESCRIPTION: Final = 200


def code_and_status(error: Exception) -> tuple[str | None, int]:
    """Return the error code and the status that RFC 6750 has for this refusal."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)


def challenge(
    code: str | None = None,
    text: str = "",
    *,
    realm: str | None = None,
    scopes: tuple[str, ...] = (),
) -> str:
    """Return the value of a WWW-Authenticate header (RFC 6750 section 3), whatever the texts hold.

    Of the description all but plain ASCII is replaced, as its syntax demands.
    """
    parameters = []
    if realm:
        quotable = _TO_ESCAPE.sub(r"\\\1", _NOT_IN_QUOTES.sub("?", realm))
        parameters.append(f'realm="{quotable}"')
    if code:
        parameters.append(f'error="{code}"')
    if code and text:
        plain = text[:_LONGEST_DESCRIPTION].replace('"', "'")
        parameters.append(f'error_description="{_NOT_IN_A_DESCRIPTION.sub("?", plain)}"')
    if scopes:
        parameters.append(f'scope="{_NOT_IN_A_DESCRIPTION.sub("?", " ".join(scopes))}"')
    return f"Bearer {', '.join(parameters)}".strip()


def no_store(response: AnyResponse) -> None:
    """Let nobody keep this response: it holds a token (RFC 6749 section 5.1)."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"


def token_response(body: Mapping[str, Any], status: int = 200) -> Response:
    """Return a JSON response with tokens, which nobody keeps (RFC 6749 section 5.1)."""
    response = jsonify(dict(body))
    response.status_code = status
    no_store(response)
    return response
