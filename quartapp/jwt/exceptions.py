"""What a token can be refused for.

Besides these, PyJWT's own `InvalidTokenError` and its kinds are raised for what the token
itself says: its form, its signature and its registered claims (RFC 7519 section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class JWTExtendedException(Exception):
    """The root of every refusal of this package."""


class JWTDecodeError(JWTExtendedException):
    """A token verifies but lacks a claim that is needed here."""


class InvalidHeaderError(JWTExtendedException):
    """The header that carries the token is malformed."""


class InvalidQueryParamError(JWTExtendedException):
    """The query parameter that carries the token lacks its prefix."""


class NoAuthorizationError(JWTExtendedException):
    """There is no token in any of the places searched."""


class CSRFError(JWTExtendedException):
    """The double-submit value of a cookie's token is missing or differs."""


class WrongTokenError(JWTExtendedException):
    """A refresh token where an access token is wanted, or the reverse."""


class _AboutAToken(JWTExtendedException):
    """A refusal that knows the token: `jwt_header` and `jwt_data` hold its two parts."""

    def __init__(self, message: str, jwt_header: dict[str, Any], jwt_data: dict[str, Any]) -> None:
        super().__init__(message)
        self.jwt_header = jwt_header
        self.jwt_data = jwt_data


class RevokedTokenError(_AboutAToken):
    """The blocklist callback said that this token is revoked, or its session has ended."""

    def __init__(self, jwt_header: dict[str, Any], jwt_data: dict[str, Any]) -> None:
        super().__init__("Token has been revoked", jwt_header, jwt_data)


class FreshTokenRequired(_AboutAToken):
    """The route wants a fresh token and this one is not (or no longer) fresh."""


class UserLookupError(_AboutAToken):
    """The user lookup callback found nobody for this token."""


class UserClaimsVerificationError(_AboutAToken):
    """The token verification callback said no."""


class DPoPError(JWTExtendedException):
    """The client has not proved to hold the key of its token (RFC 9449).

    `code` is the error code for it, `status` that of the answer, `algorithms` are those of the
    proofs accepted.
    """

    code = "invalid_token"

    def __init__(self, message: str, algorithms: Sequence[str] = (), status: int = 401) -> None:
        super().__init__(message)
        self.algorithms = tuple(algorithms)
        self.status = status


class InvalidDPoPProofError(DPoPError):
    """The proof is missing, malformed, about something else, too old or used before."""

    code = "invalid_dpop_proof"


class DPoPBindingError(DPoPError):
    """The token and the proof do not belong together, or the token is bound to no key."""


class InsufficientScopeError(_AboutAToken):
    """The token is valid and lacks a scope that is needed here: `scopes` are those needed."""

    def __init__(
        self, scopes: tuple[str, ...], jwt_header: dict[str, Any], jwt_data: dict[str, Any]
    ) -> None:
        super().__init__(f"Scopes needed: {' '.join(scopes)}", jwt_header, jwt_data)
        self.scopes = scopes
