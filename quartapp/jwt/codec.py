"""From claims to a token and back."""

from __future__ import annotations

import hmac
import json
from calendar import timegm
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from jwt.exceptions import (
    DecodeError,
    ExpiredSignatureError,
    InvalidAlgorithmError,
    PyJWTError,
)

from quartapp.jwt.callbacks import call
from quartapp.jwt.claims import Claims, check_claims, parse_claims
from quartapp.jwt.exceptions import CSRFError, JWTDecodeError, JWTExtendedException
from quartapp.jwt.internal_utils import JSONEncoder
from quartapp.jwt.jwt_manager import Installed
from quartapp.jwt.keys import LONGEST_KID, KeySource
from quartapp.jwt.options import Options
from quartapp.jwt.signing import (
    Header,
    Signatures,
    UnusableKeyError,
    signatures,
    unverified_header,
    unverified_parts,
)
from quartapp.jwt.strict import TYPES, check_new_claims, check_strictly, strong
from quartapp.jwt.typing import ExpiresDelta, Fresh

_SEGMENTS: Final = ("header", "payload", "crypto")


async def encode(
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

    Call-time claims and headers win over the callbacks', and these over the default ones. The
    callbacks are called as by the original: headers, claims, identity, key.
    """
    manager, options = installed.manager, installed.options
    headers = await _headers(installed, identity, kind)
    headers.update(additional_headers or {})
    more: Claims = {}
    if manager.additional_claims is not None:
        more.update(await call(manager.additional_claims, identity) or {})
    more.update(additional_claims or {})
    claims = _registered_claims(options, kind, fresh, expires_delta)
    claims[options.identity_claim_key] = (
        identity if manager.user_identity is None else await call(manager.user_identity, identity)
    )
    claims.update(more)
    if options.is_strict:
        check_new_claims(claims, options)

    for name in ("exp", "iat", "nbf"):
        if isinstance(claims.get(name), datetime):
            claims[name] = timegm(claims[name].utctimetuple())
    if not isinstance(claims.get("iss", ""), str):
        raise TypeError("Issuer (iss) must be a string.")

    payload = json.dumps(claims, separators=(",", ":"), cls=JSONEncoder).encode("utf-8")
    signer = await _signer(installed, identity, headers)
    return signer.sign(payload, headers, JSONEncoder)


async def sign_again(installed: Installed, identity: Any, payload: bytes) -> str:
    """Return a signed refresh token over these claims, the JSON of which is given."""
    headers = await _headers(installed, identity, "refresh")
    signer = await _signer(installed, identity, headers)
    return signer.sign(payload, headers, JSONEncoder)


async def _headers(installed: Installed, identity: Any, kind: str) -> Header:
    manager = installed.manager
    headers: Header = {"typ": TYPES[kind]} if installed.options.is_strict else {}
    if manager.additional_headers is not None:
        headers.update(await call(manager.additional_headers, identity) or {})
    return headers


async def _signer(installed: Installed, identity: Any, headers: Header) -> Signatures:
    """Return what signs; a key that has a name puts it into the headers."""
    manager, options = installed.manager, installed.options
    if installed.keys is not None:
        named = await installed.keys.signing_key()
        if headers.get("alg", named.algorithm) != named.algorithm:
            raise ValueError(f"The key {named.kid} signs with {named.algorithm} and nothing else")
        headers["kid"] = named.kid
        return named.signer
    if manager.encode_key is None:
        key = options.encode_key
    else:
        key = await call(manager.encode_key, identity)
    algorithm = headers.get("alg") or options.algorithm
    if not options.is_strict:
        return signatures(key, (algorithm,))
    if algorithm != options.algorithm:
        raise ValueError(f"Strict: {options.prefix}ALGORITHM is the only one to sign with")
    return strong(signatures(key, (algorithm,)))


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
        options.identity_claim_key: None,
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

    Order: form, signature, times, issuer, audience, subject, identity, CSRF value, and last of
    all whether it has expired.
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
    try:
        header, payload = verifier.verify(data)
    except PyJWTError:
        # What cannot be read at all is said first, as the original does.
        parse_claims(unverified_parts(data)[1])
        raise
    claims = parse_claims(payload)
    if options.is_strict:
        check_strictly(header, claims)
    expired: ExpiredSignatureError | None = None
    try:
        check_claims(claims, options, allow_expired=allow_expired)
    except ExpiredSignatureError as error:
        # Said last: the callback that answers it gets a token with which nothing else is wrong.
        expired = error
        check_claims(claims, options, allow_expired=True)

    if options.identity_claim_key not in claims:
        raise JWTDecodeError(f"Missing claim: {options.identity_claim_key}")
    if csrf_value:
        _compare_csrf(claims, csrf_value)
    claims.setdefault("type", "access")
    claims.setdefault("fresh", False)
    claims.setdefault("jti", None)
    if expired is not None:
        vars(expired).update(jwt_header=header, jwt_data=claims)
        raise expired
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
    if installed.keys is not None:
        return await _named(installed.keys, token)
    options, choose = installed.options, installed.manager.decode_key
    if choose is None:
        try:
            verifier = signatures(options.decode_key, tuple(options.decode_algorithms))
        except RuntimeError:  # no key, or none that can be used
            parse_claims(unverified_parts(token)[1])  # as below: its form is looked at first
            raise
        return strong(verifier) if options.is_strict else verifier
    header, payload = unverified_parts(token)
    claims = parse_claims(payload)
    try:
        key = await call(choose, header, claims)
    except LookupError as error:
        raise DecodeError("Signature verification failed") from error
    if key is None:
        raise DecodeError("Signature verification failed")
    try:
        verifier = signatures(key, tuple(options.decode_algorithms))
        return strong(verifier) if options.is_strict else verifier
    except UnusableKeyError as error:
        # Header and claims chose this key: a token's mistake, not the configuration's.
        raise InvalidAlgorithmError("The specified alg value is not allowed") from error


async def _named(keys: KeySource, token: bytes) -> Signatures:
    """Return what verifies this token, by the key that it names and that key's algorithm alone.

    Of the header nothing but `kid` is read for it, and that only to be looked up.
    """
    kid = unverified_header(token).get("kid")
    found = await keys.find(kid) if isinstance(kid, str) and 0 < len(kid) <= LONGEST_KID else None
    if found is None:
        raise DecodeError("The token names no key that is known here (kid)")
    return found.verifier


def _compare_csrf(claims: Claims, value: str) -> None:
    if "csrf" not in claims:
        raise JWTDecodeError("Missing claim: csrf")
    claimed = claims["csrf"]
    if not isinstance(claimed, str) or not hmac.compare_digest(
        claimed.encode("utf-8", "surrogatepass"), value.encode("utf-8", "surrogatepass")
    ):
        raise CSRFError("CSRF double submit tokens do not match")
