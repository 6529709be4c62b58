"""Signatures: a key prepared once for each algorithm that it fits, and nothing else."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NoReturn

from jwt import PyJWK, PyJWS, PyJWTError, get_algorithm_by_name
from jwt.algorithms import Algorithm
from jwt.exceptions import DecodeError, InvalidKeyError

Header = dict[str, Any]

# How many keys stay prepared: a manager has one or two, a decode_key_loader some more.
_PREPARED_KEYS: Final = 64


class UnusableKeyError(RuntimeError):
    """The key fits none of the algorithms: a mistake of the configuration."""


class WeakKeyError(UnusableKeyError):
    """The key is too short for the strict profile."""


class _Bound(Algorithm):
    """An algorithm with its key, prepared: what PyJWT would do anew for each token.

    The key is part of the algorithm, so that a token can never choose a key for an
    algorithm that it was not made for (RFC 8725 section 3.1).
    """

    def __init__(self, algorithm: Algorithm, key: Any) -> None:
        self._algorithm = algorithm
        self._key = algorithm.prepare_key(key)
        self._weakness = algorithm.check_key_length(self._key)

    def prepare_key(self, key: Any) -> Any:
        return self._key

    def check_key_length(self, key: Any) -> str | None:
        return self._weakness

    def sign(self, msg: bytes, key: Any) -> bytes:
        return self._algorithm.sign(msg, key)

    def verify(self, msg: bytes, key: Any, sig: bytes) -> bool:
        return self._algorithm.verify(msg, key, sig)

    # PyJWT asks every algorithm to have these two; nobody asks one that has its key already.
    @staticmethod
    def to_jwk(key_obj: Any, as_dict: bool = False) -> NoReturn:
        raise NotImplementedError

    @staticmethod
    def from_jwk(jwk: Any) -> NoReturn:
        raise NotImplementedError


_KNOWN_TOKENS: Final = 1_000  # of each key, in each process
_LONGEST_KNOWN: Final = 2_048  # bytes


class Signatures:
    """Makes and verifies signatures with one key and the algorithms that it fits."""

    def __init__(self, key: Any, algorithms: tuple[str, ...]) -> None:
        self._jws = PyJWS(algorithms=[])
        self._algorithms: list[str] = []
        self._seen: dict[bytes, tuple[dict[str, str], bytes]] = {}
        # Why the key is too short for one of its algorithms; None if it is not.
        self.weakness: str | None = None
        reason: Exception | None = None
        for name in dict.fromkeys(algorithms):
            # Neither "none" nor any spelling of it is ever an algorithm here (RFC 8725 3.2).
            if name.lower() == "none":
                continue
            try:
                bound = _bind(name, key)
            except (PyJWTError, NotImplementedError, TypeError, ValueError) as error:
                reason = error
                continue
            self._jws.register_algorithm(name, bound)
            self._algorithms.append(name)
            self.weakness = self.weakness or bound.check_key_length(None)
        if not self._algorithms:
            raise UnusableKeyError(
                f"The key can be used with none of {', '.join(algorithms)}: {reason}"
            )

    def verify(self, token: bytes) -> tuple[Header, bytes]:
        """Return header and payload of a token whose signature is right.

        Raises PyJWT's DecodeError and InvalidTokenError, and their kinds.

        A client shows one token again and again: that its signature is right is remembered by
        its digest. What the token says, and whether it still holds, is for others to look at.
        """
        digest = sha256(token).digest()
        if digest in self._seen:
            known, content = self._seen[digest]
            return dict(known), content
        header, payload = self._verify(token)
        if len(token) <= _LONGEST_KNOWN and all(isinstance(v, str) for v in header.values()):
            if len(self._seen) >= _KNOWN_TOKENS:
                self._seen.clear()
            self._seen[digest] = (dict(header), payload)
        return header, payload

    def _verify(self, token: bytes) -> tuple[Header, bytes]:
        try:
            parts = self._jws.decode_complete(token, algorithms=self._algorithms)
        except PyJWTError:
            raise
        # Key and algorithms are sound since the constructor: whatever else goes wrong in
        # there comes from the token.
        except (ValueError, TypeError, RecursionError, OverflowError) as error:
            raise DecodeError("Invalid token") from error
        if not has_unique_members(token.partition(b".")[0]):
            raise DecodeError("Invalid header string: duplicate member")
        header: Header = parts["header"]
        payload: bytes = parts["payload"]
        return header, payload

    def sign(self, payload: bytes, headers: Header, encoder: type[json.JSONEncoder]) -> str:
        """Return the compact token (RFC 7515 section 7.1) over this payload."""
        return self._jws.encode(
            payload, "", algorithm=self._algorithms[0], headers=headers, json_encoder=encoder
        )


def _bind(name: str, key: Any) -> _Bound:
    if not isinstance(key, PyJWK):
        return _Bound(get_algorithm_by_name(name), key)
    if key.algorithm_name != name:
        raise InvalidKeyError(f"a key for {key.algorithm_name}")
    return _Bound(key.Algorithm, key.key)


_prepared: Callable[[Any, tuple[str, ...]], Signatures] = lru_cache(_PREPARED_KEYS)(Signatures)


def signatures(key: Any, algorithms: tuple[str, ...]) -> Signatures:
    """Return what signs and verifies with this key, prepared at its first use.

    Raises UnusableKeyError if the key fits none of the algorithms.
    """
    try:
        return _prepared(key, algorithms)
    except TypeError:  # a key object that cannot be hashed
        return Signatures(key, algorithms)


# A header is this long at most where keys go by names: some issuers add their certificates.
_LONGEST_HEADER: Final = 8_192


def unverified_header(token: bytes) -> Header:
    """Return the header alone, which whoever sent the token wrote; DecodeError if malformed."""
    segment = token.partition(b".")[0]
    if len(segment) > _LONGEST_HEADER:
        raise DecodeError("The token's header is too long")
    return _header(segment)


@lru_cache(256)
def _header(segment: bytes) -> Header:
    try:
        header = json.loads(urlsafe_b64decode(segment + b"=" * (-len(segment) % 4)))
    except (ValueError, RecursionError) as error:
        raise DecodeError("Invalid header string") from error
    if not isinstance(header, dict):
        raise DecodeError("Invalid header string: must be a json object")
    return header


_unverified: Final = PyJWS()


def unverified_parts(token: bytes) -> tuple[Header, bytes]:
    """Return header and payload without looking at the signature; DecodeError if malformed."""
    try:
        parts = _unverified.decode_complete(token, options={"verify_signature": False})
    except PyJWTError:
        raise
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise DecodeError("Invalid token") from error
    header: Header = parts["header"]
    payload: bytes = parts["payload"]
    return header, payload


class DuplicateMemberError(ValueError):
    """A JSON object names one member twice."""


def unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object; DuplicateMemberError if a name comes twice (RFC 7519 section 4)."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DuplicateMemberError("duplicate member")
    return members


# One issuer writes one header over and over: nearly every token's is found here.
@lru_cache(256)
def has_unique_members(segment: bytes) -> bool:
    """Tell whether a token's header, base64url encoded JSON, names no member twice."""
    text = urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    try:
        json.loads(text, object_pairs_hook=unique_members)
    except DuplicateMemberError:
        return False
    return True
