"""Keys by name (`kid`, RFC 7517 section 4.5), each bound to one algorithm (RFC 8725 section 3.1).

A token names the key that it was signed with, and nothing else about it: headers that bring a
key along or say where one lies (`jwk`, `jku`, `x5u`, `x5c`) are never looked at.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt import PyJWTError, get_algorithm_by_name

from quartapp.jwt.signing import Signatures

# What a new key can be made for.
ALGORITHMS: Final = ("ES256", "EdDSA", "RS256", "HS256")
# What a key of somebody else may be for as well.
VERIFIABLE: Final = frozenset(
    {*ALGORITHMS, "ES384", "ES512", "RS384", "RS512", "PS256", "PS384", "PS512"}
)
# How long a key goes on verifying after another took its place: the default life of a refresh
# token, so that none dies with its key.
OVERLAP: Final = timedelta(days=30)

_RSA_BITS: Final = 2048
# Verifying costs time in proportion to the square of it.
_LONGEST_RSA: Final = 8192
# Characters of a name: a thumbprint has 43.
LONGEST_KID: Final = 256

# RFC 7638 section 3.2, RFC 8037 section 2: what makes a key that key, in this order.
_ESSENTIAL: Final = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}
_DEFAULT_ALGORITHMS: Final = {"RSA": "RS256", "P-256": "ES256", "Ed25519": "EdDSA"}

Jwk = Mapping[str, Any]


class KeySource(Protocol):
    """Where a manager gets its keys: a KeyRing, a KeyFile, RemoteKeys, or one of your own."""

    async def find(self, kid: str) -> Key | None:
        """Return the key that verifies under this name; None if there is none, or no longer.

        `kid` is whatever a stranger wrote. Any other error is the server's.
        """

    async def signing_key(self) -> Key:
        """Return the key that signs; RuntimeError if there is none."""


class Key:
    """A key, its name and its only algorithm; with the secret half it also signs.

    `material`: a secret (text or bytes) for HS256, PEM or a key object for the others.
    `made` and `retires` in seconds since 1970; a key that `retires` no longer signs, and from
    then on no longer verifies either. Raises ValueError for what is no such key, and for one
    that is too short: 32 bytes for HS256, 2048 bits for RSA (RFC 7518 sections 3.2 and 3.3).
    """

    __slots__ = ("_jwk", "_signatures", "_verifier", "algorithm", "kid", "made", "retires")

    def __init__(
        self,
        material: Any,
        algorithm: str,
        *,
        kid: str | None = None,
        made: int | None = None,
        retires: int | None = None,
    ) -> None:
        if algorithm not in VERIFIABLE:
            raise ValueError(f"The algorithm {algorithm!r} is none of {', '.join(ALGORITHMS)}")
        try:
            prepared = get_algorithm_by_name(algorithm).prepare_key(material)
            self._signatures = Signatures(prepared, (algorithm,))
            public = prepared.public_key() if hasattr(prepared, "public_key") else prepared
            self._verifier = Signatures(public, (algorithm,))
            jwk: Any = type(get_algorithm_by_name(algorithm)).to_jwk(prepared, as_dict=True)
        except (PyJWTError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"This is no key for {algorithm}: {error}") from None
        if self._signatures.weakness:
            raise ValueError(self._signatures.weakness)
        if getattr(prepared, "key_size", 0) > _LONGEST_RSA:
            raise ValueError(f"The key is longer than {_LONGEST_RSA} bits")
        self._jwk: dict[str, Any] = {n: v for n, v in jwk.items() if n not in {"key_ops", "use"}}
        self.algorithm = algorithm
        self.kid = _checked_kid(kid or self._own_kid())
        self.made = int(time.time()) if made is None else made
        self.retires = retires

    def __repr__(self) -> str:
        return f"<Key {self.kid} {self.algorithm}>"

    @classmethod
    def generate(cls, algorithm: str = "ES256") -> Key:
        """Make a new key. RS256 takes tenths of a second: not on the event loop."""
        if algorithm == "HS256":
            return cls(secrets.token_bytes(32), algorithm)
        if algorithm == "RS256":
            return cls(rsa.generate_private_key(65_537, _RSA_BITS), algorithm)
        if algorithm == "ES256":
            return cls(ec.generate_private_key(ec.SECP256R1()), algorithm)
        if algorithm == "EdDSA":
            return cls(ed25519.Ed25519PrivateKey.generate(), algorithm)
        raise ValueError(f"The algorithm {algorithm!r} is none of {', '.join(ALGORITHMS)}")

    @classmethod
    def from_jwk(cls, jwk: object) -> Key:
        """Read a JSON Web Key (RFC 7517) that names its `kid`; ValueError if it is none."""
        if not isinstance(jwk, Mapping):
            raise ValueError("A key has to be a JSON object")
        if not isinstance(jwk.get("kid"), str) or not jwk["kid"]:
            raise ValueError("A key has to have a kid, a text")
        kind = jwk.get("crv", jwk.get("kty"))
        algorithm = jwk.get("alg") or _DEFAULT_ALGORITHMS.get(str(kind))
        if algorithm == "Ed25519":  # RFC 9864 section 2.2: the same by a newer name
            algorithm = "EdDSA"
        if not isinstance(algorithm, str) or algorithm not in VERIFIABLE:
            raise ValueError("A key has to name an algorithm (alg) that is known here")
        try:
            material = type(get_algorithm_by_name(algorithm)).from_jwk(dict(jwk))
        except (PyJWTError, TypeError, ValueError, KeyError, AttributeError, OverflowError):
            # Without the cause: its text may hold the key.
            raise ValueError(f"The key is malformed, or none for {algorithm}") from None
        made, retires = (_seconds(jwk, name) for name in ("made", "retires"))
        return cls(material, algorithm, kid=jwk["kid"], made=made or 0, retires=retires)

    @property
    def symmetric(self) -> bool:
        """Whether who verifies can sign as well."""
        return bool(self._jwk["kty"] == "oct")

    @property
    def signs(self) -> bool:
        """Whether the secret half is here, and the key is not on its way out."""
        return self.retires is None and ("d" in self._jwk or self.symmetric)

    @property
    def signer(self) -> Signatures:
        """What signs with this key."""
        return self._signatures

    @property
    def verifier(self) -> Signatures:
        """What verifies with this key, by its algorithm alone."""
        return self._verifier

    def is_retired(self, now: float | None = None) -> bool:
        """Tell whether the time of this key is over at `now`, in seconds since 1970."""
        return self.retires is not None and self.retires <= (time.time() if now is None else now)

    def public_jwk(self) -> dict[str, Any] | None:
        """Return what everybody may know (RFC 7517 section 4); None for a symmetric key."""
        if self.symmetric:
            return None
        essential = {name: self._jwk[name] for name in _ESSENTIAL[self._jwk["kty"]]}
        return essential | {"use": "sig", "alg": self.algorithm, "kid": self.kid}

    def secret_jwk(self) -> dict[str, Any]:
        """Return all of the key, to be kept where nobody else reads it."""
        times = {"made": self.made} | ({} if self.retires is None else {"retires": self.retires})
        return self._jwk | {"use": "sig", "alg": self.algorithm, "kid": self.kid} | times

    def retiring(self, at: int) -> Key:
        """Return the same key, which no longer signs and verifies until `at`."""
        return Key.from_jwk(self.secret_jwk() | {"retires": at})

    def _own_kid(self) -> str:
        # The digest of a secret would tell who guesses it that he is right (RFC 7638 section 7).
        if self.symmetric:
            return secrets.token_urlsafe(16)
        return thumbprint(self._jwk)


class KeyRing:
    """Several keys of which one signs; the others verify what they signed, until they retire.

    It never changes: `rotated` gives a new one. Raises ValueError if two keys have one name, or
    two of them would sign.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)
        self._by_kid = {key.kid: key for key in self.keys}
        if len(self._by_kid) != len(self.keys):
            raise ValueError("Two keys have one kid")
        signing = [key for key in self.keys if key.signs]
        if len(signing) > 1:
            raise ValueError("Two keys would sign: all but one have to retire")
        self._signing = signing[0] if signing else None

    @classmethod
    def generate(cls, algorithm: str = "ES256") -> KeyRing:
        """Return a ring of one new key."""
        return cls([Key.generate(algorithm)])

    async def find(self, kid: str) -> Key | None:
        """Return the key of this name, unless it is retired."""
        return self.get(kid)

    def get(self, kid: str) -> Key | None:
        """Return the key of this name, unless it is retired."""
        key = self._by_kid.get(kid)
        return None if key is None or key.is_retired() else key

    async def signing_key(self) -> Key:
        """Return the key that signs; RuntimeError if none does."""
        return self.signing

    @property
    def signing(self) -> Key:
        """The key that signs; RuntimeError if none does."""
        if self._signing is None:
            raise RuntimeError("None of these keys can sign")
        return self._signing

    def rotated(self, new: Key, overlap: timedelta = OVERLAP) -> KeyRing:
        """Return a ring in which `new` signs, and the present key verifies for the overlap.

        Keys whose time is over are gone from it.
        """
        now = int(time.time())
        until = now + int(overlap.total_seconds())
        kept = [key.retiring(until) if key.signs else key for key in self.keys]
        return KeyRing([new, *(key for key in kept if not key.is_retired(now))])

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Return the document of the public keys (RFC 7517 section 5); no symmetric one."""
        now = time.time()
        public = (key.public_jwk() for key in self.keys if not key.is_retired(now))
        return {"keys": [jwk for jwk in public if jwk is not None]}


def thumbprint(jwk: Jwk) -> str:
    """Return the SHA-256 thumbprint of a public key (RFC 7638); ValueError if it has none."""
    try:
        members = {name: str(jwk[name]) for name in _ESSENTIAL[jwk["kty"]]}
    except KeyError:
        raise ValueError("Only a public key has a thumbprint") from None
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _seconds(jwk: Jwk, name: str) -> int | None:
    value = jwk.get(name)
    if value is not None and type(value) is not int:
        raise ValueError(f"A key's {name!r} has to be seconds since 1970")
    return value


def _checked_kid(kid: str) -> str:
    if not kid.isascii() or not kid.isprintable() or len(kid) > LONGEST_KID:
        raise ValueError(f"A kid has to be ASCII, of at most {LONGEST_KID} characters")
    return kid
