"""The tokens of a session, and what is known of them without keeping them."""

from __future__ import annotations

import json
import math
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from quartapp.jwt.binding import SCHEME, confirmation
from quartapp.jwt.claims import Claims
from quartapp.jwt.codec import encode
from quartapp.jwt.jwt_manager import Installed
from quartapp.jwt.session_store import ADDRESS_LENGTH, DEVICE_LENGTH, SUBJECT_LENGTH
from quartapp.jwt.state import connection
from quartapp.jwt.typing import Fresh

# The claim that names the session (the name is that of OpenID Connect).
SESSION_CLAIM: Final = "sid"


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """The two tokens of a session, and how long the access token lives, in seconds."""

    access_token: str
    refresh_token: str
    session_id: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme

    def as_dict(self) -> dict[str, Any]:
        """Return what a client is answered (RFC 6749 section 5.1)."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "token_type": self.token_type,
            "expires_in": self.expires_in,
        }


@dataclass(frozen=True, slots=True)
class SessionMinter:
    """Makes the tokens of one session."""

    found: Installed
    identity: Any
    session_id: str
    now: datetime
    ends: datetime
    bound_to: str | None

    async def refresh_token(self, expires: datetime) -> str:
        """Return a new refresh token."""
        return await encode(
            self.found, self.identity, kind="refresh", additional_claims=self._claims(expires)
        )

    async def tokens(
        self, refresh: str, fresh: Fresh, additional_claims: Claims | None
    ) -> SessionTokens:
        """Return a new access token beside the refresh token given."""
        lifetime = self.found.options.expires("access")
        expires = min(self.now + lifetime, self.ends) if lifetime else self.ends
        access = await encode(
            self.found,
            self.identity,
            kind="access",
            fresh=fresh,
            additional_claims=(additional_claims or {}) | self._claims(expires),
        )
        seconds = int((expires - self.now).total_seconds())
        scheme = "Bearer" if self.bound_to is None else SCHEME
        return SessionTokens(access, refresh, self.session_id, seconds, scheme)

    def _claims(self, expires: datetime) -> Claims:
        # Rounded up: it is the store that knows the moment.
        expiry = math.ceil(expires.timestamp())
        own: Claims = {SESSION_CLAIM: self.session_id, "jti": str(uuid4()), "exp": expiry}
        return own | confirmation(self.bound_to)


def payload_of(token: str) -> bytes:
    """Return the claims of a token that is known to be well-formed, as they were signed."""
    segment = token.split(".")[1]
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def digest_of(token: str) -> str:
    """Return the SHA-256 by which a token is known, 64 hexadecimal digits.

    Over its claims: a signature can be made anew over the same ones, and is another one then.
    """
    return digest(payload_of(token))


def digest(payload: bytes) -> str:
    """Return the SHA-256 of a token's claims, 64 hexadecimal digits."""
    return sha256(payload).hexdigest()


def subject_of(payload: bytes, found: Installed) -> str:
    """Return whom a token is about; ValueError if a store could not keep that."""
    subject = str(json.loads(payload)[found.options.identity_claim_key])
    if not 0 < len(subject) <= SUBJECT_LENGTH or _storable(subject) != subject:
        raise ValueError(f"A session is that of a subject of 1 to {SUBJECT_LENGTH} characters")
    return subject


def address_of(given: str | None) -> str:
    """Return the address given, by default the request's client."""
    conn = connection()
    if given is None:
        given = None if conn is None else conn.remote_addr
    return _storable((given or "")[:ADDRESS_LENGTH])


def device_of(given: str | None) -> str:
    """Return the device given, by default the request's User-Agent."""
    conn = connection()
    if given is None and conn is not None:
        given = conn.headers.get("User-Agent")
    return _storable((given or "")[:DEVICE_LENGTH])


def _storable(text: str) -> str:
    """Return the text with a mark for whatever cannot be printed, or written as UTF-8."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
