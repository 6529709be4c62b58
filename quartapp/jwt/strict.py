"""The strict profile: what it asks of a token and of a key beyond the registered claims.

Issuer and audience are asked for by `Options`, which has no default for them there.
"""

from __future__ import annotations

from typing import Final

from jwt.exceptions import InvalidTokenError, MissingRequiredClaimError

from quartapp.jwt.claims import Claims
from quartapp.jwt.exceptions import JWTDecodeError
from quartapp.jwt.options import Options
from quartapp.jwt.signing import Header, Signatures, WeakKeyError

# RFC 9068 section 2.1; for refresh tokens there is no registered type, as nobody but their
# issuer reads them.
TYPES: Final = {"access": "at+jwt", "refresh": "rt+jwt"}
_KINDS: Final = {name: kind for kind, name in TYPES.items()}


def check_strictly(header: Header, claims: Claims) -> None:
    """Refuse a token without end, and one whose `typ` and `type` do not say what it is.

    RFC 8725 sections 3.11 and 3.12, RFC 9068 section 4: a kind of token is told by its header,
    so that none passes for another. A token without `type` gets that of its header.
    """
    # RFC 7515 section 4.1.9: media types, in any case, with or without "application/".
    typ = header.get("typ")
    name = typ.lower().removeprefix("application/") if isinstance(typ, str) else ""
    kind = _KINDS.get(name)
    if kind is None:
        raise InvalidTokenError("The token has the wrong type (typ)")
    if claims.setdefault("type", kind) != kind:
        raise JWTDecodeError("The claim type does not fit the token's header")
    if "exp" not in claims:
        raise MissingRequiredClaimError("exp")
    # RFC 7515 section 4.1.11: nothing that has to be understood is understood here.
    if "crit" in header:
        raise InvalidTokenError("Unsupported critical extension")


def check_new_claims(claims: Claims, options: Options) -> None:
    """Raise ValueError for claims that the strict profile would refuse to read."""
    lacking = [name for name in ("exp", "iss", "aud") if not claims.get(name)]
    if lacking:
        raise ValueError(
            f"A token has to have {', '.join(lacking)} while {options.prefix}PROFILE is strict"
        )


def strong(verifier: Signatures) -> Signatures:
    """Return it; WeakKeyError if its key is shorter than RFC 7518 section 3 asks for."""
    if verifier.weakness:
        raise WeakKeyError(verifier.weakness)
    return verifier
