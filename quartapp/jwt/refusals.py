"""From a refusal to an answer: which callback is asked, and what is said where none is set."""

from __future__ import annotations

from typing import Any, Final

from jwt import exceptions as pyjwt

from quartapp.jwt import exceptions as ours
from quartapp.jwt.callbacks import Callback, call, printable, refusal
from quartapp.jwt.config import Options

# Kind of exception -> name of the callback, and the status where there is none.
REFUSALS: Final[dict[type[Exception], tuple[str, int]]] = {
    ours.NoAuthorizationError: ("unauthorized", 401),
    ours.CSRFError: ("unauthorized", 401),
    ours.InvalidHeaderError: ("invalid_token", 422),
    ours.InvalidQueryParamError: ("invalid_token", 422),
    ours.JWTDecodeError: ("invalid_token", 422),
    ours.WrongTokenError: ("invalid_token", 422),
    pyjwt.InvalidTokenError: ("invalid_token", 422),
    pyjwt.DecodeError: ("invalid_token", 422),
    pyjwt.InvalidAudienceError: ("invalid_token", 422),
    pyjwt.InvalidIssuerError: ("invalid_token", 422),
    pyjwt.MissingRequiredClaimError: ("invalid_token", 422),
    pyjwt.ExpiredSignatureError: ("expired_token", 401),
    ours.RevokedTokenError: ("revoked_token", 401),
    ours.FreshTokenRequired: ("needs_fresh_token", 401),
    ours.UserLookupError: ("user_lookup_error", 401),
    ours.UserClaimsVerificationError: ("token_verification_failed", 400),
}

# The cases whose callbacks get the token's two parts, and what is said where there is none.
_TEXTS: Final[dict[str, str]] = {
    "expired_token": "Token has expired",
    "revoked_token": "Token has been revoked",
    "needs_fresh_token": "Fresh token required",
    "token_verification_failed": "User claims verification failed",
    "user_lookup_error": "Error loading the user {identity}",
}


async def answer_refusal(error: Exception, answers: dict[str, Callback], options: Options) -> Any:
    """Return the response to a refusal: the callback's, or `{"msg": text}`."""
    case, status = next(REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS)
    callback = answers.get(case)
    if case not in _TEXTS:
        text = printable(str(error))
        if callback is not None:
            return await call(callback, text)
        return refusal(options.error_message_key, text, status)

    header: dict[str, Any] = getattr(error, "jwt_header", {})
    claims: dict[str, Any] = getattr(error, "jwt_data", {})
    if callback is not None:
        return await call(callback, header, claims)
    text = _TEXTS[case].format(identity=claims.get(options.identity_claim))
    return refusal(options.error_message_key, text, status)
