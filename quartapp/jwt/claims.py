"""The registered claims (RFC 7519 section 4.1): what a verified payload has to hold.

The checks, their order and their texts are those of PyJWT; stricter than there, a time is a
number that a calendar knows: no text, no truth value and no year beyond 9999.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from jwt.exceptions import (
    DecodeError,
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidIssuedAtError,
    InvalidIssuerError,
    InvalidJTIError,
    InvalidSubjectError,
    InvalidTokenError,
    MissingRequiredClaimError,
)

from quartapp.jwt.options import Options
from quartapp.jwt.signing import unique_members

Claims = dict[str, Any]

_LAST_SECOND_OF_9999: Final = 253_402_300_799

_KEPT: Final = 200  # payloads that were read last, in each process
_LONGEST_KEPT: Final = 1_024  # bytes

_decoder: Final = json.JSONDecoder(object_pairs_hook=unique_members)


def parse_claims(payload: bytes) -> Claims:
    """Read a payload as a JSON object in UTF-8; DecodeError if it is none."""
    kept = _kept(payload) if len(payload) <= _LONGEST_KEPT else None
    return _parsed(payload) if kept is None else dict(kept)


def _parsed(payload: bytes) -> Claims:
    try:
        claims = _decoder.decode(payload.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"Invalid payload string: {error}") from error
    if not isinstance(claims, dict):
        raise DecodeError("Invalid payload string: must be a json object")
    return claims


@lru_cache(_KEPT)
def _kept(payload: bytes) -> Claims | None:
    """Read one that is seen again and again; None if something in it could be changed within."""
    claims = _parsed(payload)
    return None if any(isinstance(v, (dict, list)) for v in claims.values()) else claims


def check_claims(claims: Claims, options: Options, *, allow_expired: bool = False) -> None:
    """Raise what PyJWT raises for a claim that does not hold, in its order."""
    now = time.time()
    leeway = options.leeway
    if "iat" in claims:
        _check_begun(claims["iat"], now + leeway, "iat", "Issued At", InvalidIssuedAtError)
    if "nbf" in claims:
        _check_begun(claims["nbf"], now + leeway, "nbf", "Not Before", DecodeError)
    if "exp" in claims and not allow_expired:
        exp = _seconds(claims["exp"])
        if exp is None:
            raise DecodeError("Expiration Time claim (exp) must be an integer.")
        if exp <= now - leeway:
            raise ExpiredSignatureError("Signature has expired")
        if exp > _LAST_SECOND_OF_9999:
            raise DecodeError("Expiration Time claim (exp) is out of range.")
    _check_issuer(claims, options.decode_issuer)
    if options.decode_audience is not None:
        _check_audience(claims, options.decode_audience)
    if options.verify_sub and not isinstance(claims.get("sub", ""), str):
        raise InvalidSubjectError("Subject must be a string")
    if not isinstance(claims.get("jti", ""), str):
        raise InvalidJTIError("JWT ID must be a string")


def is_still_fresh(fresh: object) -> bool:
    """Tell whether a `fresh` claim, a truth value or seconds since 1970, holds now."""
    if isinstance(fresh, bool):
        return fresh
    if isinstance(fresh, float) and not math.isfinite(fresh):
        return False
    return isinstance(fresh, (int, float)) and fresh >= time.time()


def _seconds(value: object) -> int | None:
    if type(value) is int:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return int(value)
    return None


def _check_begun(
    value: object, latest: float, name: str, title: str, malformed: type[InvalidTokenError]
) -> None:
    begin = _seconds(value)
    if begin is None:
        raise malformed(f"{title} claim ({name}) must be an integer.")
    if begin > latest:
        raise ImmatureSignatureError(f"The token is not yet valid ({name})")
    if begin < 0:
        raise malformed(f"{title} claim ({name}) is out of range.")


def _check_issuer(claims: Claims, issuer: str | Iterable[str] | None) -> None:
    if issuer is None:
        return
    if "iss" not in claims:
        raise MissingRequiredClaimError("iss")
    if not isinstance(claims["iss"], str):
        raise InvalidIssuerError("Payload Issuer (iss) must be a string")
    accepted = (issuer,) if isinstance(issuer, str) else issuer
    if claims["iss"] not in accepted:
        raise InvalidIssuerError("Invalid issuer")


def _check_audience(claims: Claims, audience: str | Iterable[str]) -> None:
    claimed = claims.get("aud")
    if not claimed:
        raise MissingRequiredClaimError("aud")
    if isinstance(claimed, str):
        claimed = [claimed]
    if not isinstance(claimed, list) or not all(isinstance(name, str) for name in claimed):
        raise InvalidAudienceError("Invalid claim format in token")
    accepted = (audience,) if isinstance(audience, str) else audience
    if not any(name in claimed for name in accepted):
        raise InvalidAudienceError("Audience doesn't match")
