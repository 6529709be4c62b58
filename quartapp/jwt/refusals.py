"""From a refusal to an answer: which callback is asked, and what is said where none is set."""

from __future__ import annotations

from typing import Any, Final

from jwt import exceptions as pyjwt
from quart import current_app

from quartapp.jwt import exceptions as ours
from quartapp.jwt.bearer import challenge, code_and_status
from quartapp.jwt.callbacks import Callback, call, printable, refusal
from quartapp.jwt.options import Options

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
    ours.InsufficientScopeError: ("insufficient_scope", 403),
    ours.DPoPError: ("invalid_token", 401),
}

# Where a challenge may stand (RFC 6750 section 3.1).
_CHALLENGED: Final = frozenset({400, 401, 403})

# The cases whose callbacks get the token's two parts, and what is said where there is none.
_TEXTS: Final[dict[str, str]] = {
    "expired_token": "Token has expired",
    "revoked_token": "Token has been revoked",
    "needs_fresh_token": "Fresh token required",
    "token_verification_failed": "User claims verification failed",
    "user_lookup_error": "Error loading the user {identity}",
}


async def answer_refusal(error: Exception, answers: dict[str, Callback], options: Options) -> Any:
    """Return the response to a refusal: the callback's, or `{"msg": text}`.

    Where RFC 6750 is asked for, the status is its own unless a callback answers, and the
    header WWW-Authenticate says what is wrong unless the callback's response does.
    """
    case, status = next(REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS)
    challenging = options.bearer_challenges or case == "insufficient_scope"
    code, rfc_status = code_and_status(error) if challenging else (None, status)
    text = _text(error, case, options)
    callback = answers.get(case)
    if callback is None:
        answer: Any = refusal(options.error_msg_key, text, rfc_status)
    elif case in _TEXTS:
        header, claims = getattr(error, "jwt_header", {}), getattr(error, "jwt_data", {})
        answer = await call(callback, header, claims)
    else:
        answer = await call(callback, text)
    if not challenging:
        return answer

    response = await current_app.make_response(answer)
    if response.status_code in _CHALLENGED:
        scopes = error.scopes if isinstance(error, ours.InsufficientScopeError) else ()
        value = challenge(code, text, realm=options.realm, scopes=scopes)
        response.headers.setdefault("WWW-Authenticate", value)
    return response


def _text(error: Exception, case: str, options: Options) -> str:
    if case not in _TEXTS:
        return printable(str(error))
    claims: dict[str, Any] = getattr(error, "jwt_data", {})
    return _TEXTS[case].format(identity=claims.get(options.identity_claim_key))
