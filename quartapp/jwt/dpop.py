"""DPoP proofs (RFC 9449 section 4): a request signed with a key that its client holds."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple, NoReturn, Protocol
from urllib.parse import quote, urlsplit

from jwt import PyJWK, PyJWTError

from quartapp.jwt.claims import Claims, parse_claims
from quartapp.jwt.exceptions import DPoPBindingError, InvalidDPoPProofError
from quartapp.jwt.session_store import Clock
from quartapp.jwt.signing import Signatures, unverified_parts
from quartapp.jwt.state import Connection

# What is read of a hostile proof, in characters: one with the longest RSA key taken has 2100.
LONGEST_PROOF: Final = 4_096
LONGEST_JTI: Final = 256
# How far a client's clock may be ahead.
SKEW: Final = timedelta(seconds=5)

_COMPACT: Final = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
_BASE64URL: Final = re.compile(r"[\w-]+", re.ASCII)
_ESCAPE: Final = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED: Final = re.compile(r"[\w.~-]", re.ASCII)
# The schemes of a websocket's handshake, which is a request as well.
_SCHEMES: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_PORTS: Final = {"http": 80, "https": 443}

_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class _Kind(NamedTuple):
    """The keys of one algorithm: what stands fast in them, and the members that vary.

    The numbers bound the characters of each: 4096 bits of a modulus, 32 of an exponent.
    """

    fixed: Mapping[str, str]
    members: Mapping[str, int]


_KINDS: Final[dict[str, _Kind]] = {
    "ES256": _Kind({"kty": "EC", "crv": "P-256"}, {"x": 43, "y": 43}),
    "EdDSA": _Kind({"kty": "OKP", "crv": "Ed25519"}, {"x": 43}),
    "RS256": _Kind({"kty": "RSA"}, {"n": 683, "e": 6}),
}
ALGORITHMS: Final = tuple(_KINDS)
_SHORTEST_RSA: Final = 2048


class ReplayStore(Protocol):
    """Remembers which proofs were used, over all processes; every SessionStore does."""

    async def use_once(self, key: str, *, now: datetime, until: datetime) -> bool:
        """Tell whether `key` is new, and remember it until then: of many callers one gets True."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DPoPPolicy:
    """What proofs one manager accepts."""

    store: ReplayStore
    algorithms: Sequence[str]
    max_age: timedelta
    origins: frozenset[tuple[str, str, int]]
    clock: Clock

    def __post_init__(self) -> None:
        if not self.algorithms or not _KINDS.keys() >= set(self.algorithms):
            raise ValueError(f"DPoP knows the algorithms {', '.join(_KINDS)}")
        if self.max_age <= timedelta(0):
            raise ValueError("A proof needs an age above 0")

    def refuse(self, reason: str, cause: Exception | None = None) -> NoReturn:
        """Raise InvalidDPoPProofError."""
        raise InvalidDPoPProofError(f"DPoP proof: {reason}", self.algorithms) from cause


async def verify_proof(
    policy: DPoPPolicy,
    conn: Connection,
    *,
    token: str | None = None,
    bound_to: str | None = None,
    is_refresh: bool = False,
) -> str:
    """Check the proof of a request, use it up, and return the thumbprint of its key.

    The checks are those of RFC 9449 section 4.3. With a `token` the proof has to be about it
    (a refresh token's may be about none), and made with the key of thumbprint `bound_to`.
    Raises InvalidDPoPProofError, and DPoPBindingError for another key.
    """
    claims, used = _signed(policy, _only_proof(policy, conn))
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        policy.refuse("jti is missing or too long")
    if claims.get("htm") != conn.method:
        policy.refuse("htm is not the method of this request")
    if not _is_target(policy, conn, claims.get("htu")):
        policy.refuse("htu is not the address of this request")
    now = policy.clock()
    issued_at = _issued_at(policy, claims, now)
    if token is not None:
        about_none = is_refresh and "ath" not in claims
        if not about_none and claims.get("ath") != _ath_of(token):
            policy.refuse("ath is not the hash of the token")
        if bound_to != used:
            raise DPoPBindingError("The token is bound to another key", policy.algorithms)
    # Last of all: what is refused for another reason takes no room.
    key = sha256(f"{used}\0{jti}".encode("utf-8", "surrogatepass")).hexdigest()
    if not await policy.store.use_once(key, now=now, until=issued_at + policy.max_age + SKEW):
        policy.refuse("it was used before")
    return used


def _ath_of(token: str) -> str:
    return base64url(sha256(token.encode("ascii")).digest())


def base64url(data: bytes) -> str:
    """Return the encoding of RFC 7515 section 2."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address; ValueError if it is none."""
    parts = urlsplit(url)
    scheme = _SCHEMES.get(parts.scheme, "")
    if not scheme or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{url!r} is no address")
    return scheme, parts.hostname, parts.port or _PORTS[scheme]


def _only_proof(policy: DPoPPolicy, conn: Connection) -> bytes:
    values = conn.headers.getlist("DPoP")
    if len(values) != 1:
        policy.refuse("exactly one header DPoP is needed")
    proof = values[0].strip()
    if len(proof) > LONGEST_PROOF or not _COMPACT.fullmatch(proof):
        policy.refuse("it is no JWT, or too long")
    return proof.encode("ascii")


def _signed(policy: DPoPPolicy, proof: bytes) -> tuple[Claims, str]:
    """Return the claims of a proof whose signature is right, and its key's thumbprint."""
    try:
        header, _ = unverified_parts(proof)
        if str(header.get("typ")).lower() != "dpop+jwt":
            policy.refuse("typ is not dpop+jwt")
        algorithm = str(header.get("alg"))
        if algorithm not in policy.algorithms:
            policy.refuse("alg is not one of those accepted")
        members = _public_members(policy, algorithm, header.get("jwk"))
        key = PyJWK(dict(members), algorithm=algorithm)
        if algorithm == "RS256" and key.key.key_size < _SHORTEST_RSA:
            policy.refuse("the key is too short")
        _, payload = Signatures(key, (algorithm,)).verify(proof)
        claims = parse_claims(payload)
    # The key comes from the request: whatever cannot be done with it is its fault.
    except (PyJWTError, ValueError, TypeError, RuntimeError, OverflowError) as error:
        policy.refuse("form, key or signature is wrong", error)
    return claims, thumbprint(members)


def thumbprint(members: Mapping[str, str]) -> str:
    """Return the thumbprint of a key's required members (RFC 7638 section 3)."""
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return base64url(sha256(text.encode("ascii")).digest())


def _public_members(policy: DPoPPolicy, algorithm: str, jwk: Any) -> dict[str, str]:
    kind = _KINDS[algorithm]
    if not isinstance(jwk, dict) or not _PRIVATE_MEMBERS.isdisjoint(jwk):
        policy.refuse("jwk is no public key")
    members = dict(kind.fixed)
    for name, longest in kind.members.items():
        value = jwk.get(name)
        if not isinstance(value, str) or len(value) > longest or not _BASE64URL.fullmatch(value):
            policy.refuse("jwk is no key of this algorithm")
        members[name] = value
    if any(jwk.get(name) != value for name, value in kind.fixed.items()):
        policy.refuse("jwk is no key of this algorithm")
    return members


def _issued_at(policy: DPoPPolicy, claims: Claims, now: datetime) -> datetime:
    value = claims.get("iat")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        policy.refuse("iat is missing")
    # Whole numbers may be larger than any float: compare before anything is computed.
    latest = (now + SKEW).timestamp()
    if not latest - (SKEW + policy.max_age).total_seconds() <= value <= latest:
        policy.refuse("iat is too old, or in the future")
    return datetime.fromtimestamp(value, UTC)


def _is_target(policy: DPoPPolicy, conn: Connection, htu: Any) -> bool:
    """Compare as RFC 9449 section 4.3 says: without query and fragment, both normalised."""
    if not isinstance(htu, str):
        return False
    try:
        named = origin_of(htu)
        path = urlsplit(htu).path
        accepted = policy.origins or {origin_of(f"{conn.scheme}://{conn.host}")}
    except ValueError:
        return False
    return named in accepted and _normal(path) == _normal(_path(conn))


def _path(conn: Connection) -> str:
    """Return the path as it was sent: decoded, `%2F` and `/` would be the same."""
    raw: bytes | None = conn.scope.get("raw_path")
    if raw is None:
        return quote(conn.path, safe="/:@!$&'()*+,;=")
    return raw.partition(b"?")[0].decode("latin-1")


def _normal(path: str) -> str:
    """Return the path with its escapes written in one way (RFC 3986 section 6.2.2)."""

    def rewrite(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if _UNRESERVED.fullmatch(character) else match[0].upper()

    return _ESCAPE.sub(rewrite, path) or "/"
