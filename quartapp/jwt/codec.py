"""From claims to a token and back."""

from __future__ import annotations

import hmac
import json
from calendar import timegm
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import uuid4

from jwt.exceptions import (
    DecodeError,
    ExpiredSignatureError,
    InvalidAlgorithmError,
    PyJWTError,
)
from quart import current_app
from quart.json.provider import DefaultJSONProvider

from quartapp.jwt.callbacks import call
from quartapp.jwt.claims import Claims, check_claims, parse_claims
from quartapp.jwt.config import Options
from quartapp.jwt.exceptions import CSRFError, JWTDecodeError, JWTExtendedException
from quartapp.jwt.manager import Installed
from quartapp.jwt.signing import Header, Signatures, UnusableKeyError, signatures, unverified_parts

ExpiresDelta = timedelta | Literal[False] | None
Fresh = bool | float | timedelta

_SEGMENTS: Final = ("header", "payload", "crypto")


class _Encoder(json.JSONEncoder):
    """Writes what the application's own JSON can: times, UUIDs, decimals, data classes."""

    def default(self, o: Any) -> Any:
        to_json = getattr(current_app.json, "default", None) or DefaultJSONProvider.default
        return to_json(o)


async def encode(  # noqa: PLR0913 - what a token is made of
    installed: Installed,
    identity: Any,
    *,
    kind: str,
    fresh: Fresh = False,
    expires_delta: ExpiresDelta = None,
    additional_claims: Claims | None = None,
    additional_headers: Header | None = None,
) -> str:
    """Return a signed token for this identity.

    Call-time claims and headers win over the callbacks', and these over the default ones.
    """
    manager, options = installed.manager, installed.options
    headers: Header = {}
    if manager.additional_headers is not None:
        headers.update(await call(manager.additional_headers, identity))
    headers.update(additional_headers or {})

    claims = _registered_claims(options, kind, fresh, expires_delta)
    claims[options.identity_claim] = (
        identity if manager.user_identity is None else await call(manager.user_identity, identity)
    )
    if manager.additional_claims is not None:
        claims.update(await call(manager.additional_claims, identity))
    claims.update(additional_claims or {})

    for name in ("exp", "iat", "nbf"):
        if isinstance(claims.get(name), datetime):
            claims[name] = timegm(claims[name].utctimetuple())
    if not isinstance(claims.get("iss", ""), str):
        raise TypeError("Issuer (iss) must be a string.")

    if manager.encode_key is None:
        key = options.encode_key
    else:
        key = await call(manager.encode_key, identity)
    payload = json.dumps(claims, separators=(",", ":"), cls=_Encoder).encode("utf-8")
    algorithm = headers.get("alg") or options.algorithm
    return signatures(key, (algorithm,)).sign(payload, headers, _Encoder)


def _registered_claims(
    options: Options, kind: str, fresh: Fresh, expires_delta: ExpiresDelta
) -> Claims:
    now = datetime.now(UTC)
    seconds = int(now.timestamp())
    if isinstance(fresh, timedelta):
        fresh = (now + fresh).timestamp()
    claims: Claims = {
        "fresh": fresh,
        "iat": seconds,
        "jti": str(uuid4()),
        "type": kind,
        options.identity_claim: None,
    }
    if options.encode_nbf:
        claims["nbf"] = seconds
    if options.cookie_csrf_protect:
        claims["csrf"] = str(uuid4())
    if options.encode_audience:
        audience = options.encode_audience
        claims["aud"] = audience if isinstance(audience, str) else list(audience)
    if options.encode_issuer:
        claims["iss"] = options.encode_issuer
    lifetime = options.expires(kind) if expires_delta is None else expires_delta
    if lifetime:
        claims["exp"] = int((now + lifetime).timestamp())
    return claims


async def decode(
    installed: Installed,
    token: str | bytes,
    csrf_value: str | None = None,
    *,
    allow_expired: bool = False,
) -> tuple[Header, Claims]:
    """Verify a token and return its header and claims, `type`, `fresh` and `jti` filled in.

    Order: form, signature, times, issuer, audience, subject, identity, CSRF value.
    Raises PyJWT's InvalidTokenError and its kinds, JWTDecodeError, CSRFError.
    """
    try:
        return await _decode(installed, token, csrf_value, allow_expired)
    except (JWTExtendedException, PyJWTError) as error:
        installed.take_over(error)
        raise


async def _decode(
    installed: Installed, token: str | bytes, csrf_value: str | None, allow_expired: bool
) -> tuple[Header, Claims]:
    options = installed.options
    data = checked_form(token, options.max_token_length)
    verifier = await _verifier(installed, data)
    header, payload = verifier.verify(data)
    claims = parse_claims(payload)
    try:
        check_claims(claims, options, allow_expired=allow_expired)
    except ExpiredSignatureError as error:
        vars(error).update(jwt_header=header, jwt_data=claims)
        raise

    if options.identity_claim not in claims:
        raise JWTDecodeError(f"Missing claim: {options.identity_claim}")
    if csrf_value:
        _compare_csrf(claims, csrf_value)
    claims.setdefault("type", "access")
    claims.setdefault("fresh", False)
    claims.setdefault("jti", None)
    return header, claims


def checked_form(token: object, longest: int | None) -> bytes:
    """Return the token as bytes; DecodeError if it is no text, too long or padded.

    RFC 7515 section 2: base64url here has no padding. What is said twice in two spellings
    could not be revoked by its digest.
    """
    if isinstance(token, str):
        # A lone surrogate has no UTF-8; what takes its place is no base64url either.
        token = token.encode("utf-8", "replace")
    if not isinstance(token, bytes):
        raise DecodeError(f"Invalid token type. Token must be a {bytes}")
    if longest is not None and len(token) > longest:
        raise DecodeError("Token is too long")
    if b"=" in token:
        segments = token.split(b".")
        place = next(index for index, segment in enumerate(segments) if b"=" in segment)
        raise DecodeError(f"Invalid {_SEGMENTS[min(place, 2)]} padding")
    return token


async def _verifier(installed: Installed, token: bytes) -> Signatures:
    options, choose = installed.options, installed.manager.decode_key
    if choose is None:
        return signatures(options.decode_key, options.decode_algorithms)
    header, payload = unverified_parts(token)
    claims = parse_claims(payload)
    try:
        key = await call(choose, header, claims)
    except LookupError as error:
        raise DecodeError("Signature verification failed") from error
    if key is None:
        raise DecodeError("Signature verification failed")
    try:
        return signatures(key, options.decode_algorithms)
    except UnusableKeyError as error:
        # Header and claims chose this key: a token's mistake, not the configuration's.
        raise InvalidAlgorithmError("The specified alg value is not allowed") from error


def _compare_csrf(claims: Claims, value: str) -> None:
    if "csrf" not in claims:
        raise JWTDecodeError("Missing claim: csrf")
    claimed = claims["csrf"]
    if not isinstance(claimed, str) or not hmac.compare_digest(
        claimed.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass")
    ):
        raise CSRFError("CSRF double submit tokens do not match")
