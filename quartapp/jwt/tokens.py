"""Tokens made and read outside of a route's guard."""

from __future__ import annotations

from typing import Any

from quartapp.jwt.claims import Claims
from quartapp.jwt.codec import checked_form, decode, encode
from quartapp.jwt.exceptions import JWTDecodeError
from quartapp.jwt.jwt_manager import JWTManager, installed
from quartapp.jwt.signing import Header, unverified_parts
from quartapp.jwt.threads import from_threads
from quartapp.jwt.typing import ExpiresDelta, Fresh


@from_threads
async def create_access_token(
    identity: Any,
    fresh: Fresh = False,
    expires_delta: ExpiresDelta = None,
    additional_claims: Claims | None = None,
    additional_headers: Header | None = None,
    *,
    manager: JWTManager | str | None = None,
) -> str:
    """Return a new access token.

    `fresh`: a truth value, a timedelta from now, or seconds since 1970. `expires_delta`:
    a timedelta, False for a token that never expires, None for JWT_ACCESS_TOKEN_EXPIRES.
    Raises RuntimeError if no key is set, TypeError for claims that JSON cannot hold.
    """
    return await encode(
        installed(manager),
        identity,
        kind="access",
        fresh=fresh,
        expires_delta=expires_delta,
        additional_claims=additional_claims,
        additional_headers=additional_headers,
    )


@from_threads
async def create_refresh_token(
    identity: Any,
    expires_delta: ExpiresDelta = None,
    additional_claims: Claims | None = None,
    additional_headers: Header | None = None,
    *,
    manager: JWTManager | str | None = None,
) -> str:
    """Return a new refresh token: good for routes that ask for one, and for nothing else.

    `expires_delta`: a timedelta, False for a token that never expires, None for
    JWT_REFRESH_TOKEN_EXPIRES. Raises what create_access_token raises.
    """
    return await encode(
        installed(manager),
        identity,
        kind="refresh",
        expires_delta=expires_delta,
        additional_claims=additional_claims,
        additional_headers=additional_headers,
    )


@from_threads
async def decode_token(
    encoded_token: str,
    csrf_value: str | None = None,
    allow_expired: bool = False,
    *,
    manager: JWTManager | str | None = None,
) -> Claims:
    """Verify a token and return its claims; neither blocklist nor user lookup is asked.

    Raises PyJWT's InvalidTokenError and its kinds, JWTDecodeError, CSRFError.
    """
    _, claims = await decode(
        installed(manager), encoded_token, csrf_value, allow_expired=allow_expired
    )
    return claims


@from_threads
async def get_jti(encoded_token: str, *, manager: JWTManager | str | None = None) -> str | None:
    """Verify a token and return its id (RFC 7519 section 4.1.7); None if it has none."""
    claims = await decode_token(encoded_token, manager=manager)
    jti: str | None = claims["jti"]
    return jti


@from_threads
async def get_csrf_token(encoded_token: str, *, manager: JWTManager | str | None = None) -> str:
    """Verify a token and return its double-submit value; JWTDecodeError if it has none."""
    claims = await decode_token(encoded_token, manager=manager)
    if not isinstance(claims.get("csrf"), str):
        raise JWTDecodeError("Missing claim: csrf")
    csrf: str = claims["csrf"]
    return csrf


def get_unverified_jwt_headers(encoded_token: str) -> Header:
    """Return a token's header without verifying anything; DecodeError if malformed.

    Whoever sent the token wrote it: good for choosing a key, and for no decision.
    """
    header, _ = unverified_parts(checked_form(encoded_token, None))
    return header
