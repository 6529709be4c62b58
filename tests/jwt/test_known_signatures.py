"""A signature that was right once is remembered; what else a token says is looked at each time."""

from __future__ import annotations

import json

import pytest
from jwt.exceptions import InvalidSignatureError

from quartapp.jwt.signing import Signatures

KEY = "a key that is long enough to sign with, by far"


def token_of(signatures: Signatures, number: int, **header: object) -> bytes:
    payload = json.dumps({"number": number}).encode()
    return signatures.sign(payload, {"typ": "JWT", **header}, json.JSONEncoder).encode()


def test_a_remembered_token_gives_a_header_of_its_own_each_time() -> None:
    signatures = Signatures(KEY, ("HS256",))
    token = token_of(signatures, 1)
    first, payload = signatures.verify(token)
    first["alg"] = "none"
    assert signatures.verify(token) == ({"alg": "HS256", "typ": "JWT"}, payload)


def test_no_other_token_passes_for_one_that_is_remembered() -> None:
    signatures = Signatures(KEY, ("HS256",))
    token, other = token_of(signatures, 1), token_of(signatures, 2)
    signatures.verify(token)
    head, _, signature = token.split(b".")
    with pytest.raises(InvalidSignatureError):
        signatures.verify(b".".join((head, other.split(b".")[1], signature)))


def test_what_one_key_has_verified_is_unknown_to_another() -> None:
    signatures = Signatures(KEY, ("HS256",))
    token = token_of(signatures, 1)
    signatures.verify(token)
    with pytest.raises(InvalidSignatureError):
        Signatures(KEY[::-1], ("HS256",)).verify(token)


def test_thousands_of_tokens_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quartapp.jwt.signing._KNOWN_TOKENS", 2)
    signatures = Signatures(KEY, ("HS256",))
    for number in range(5):
        token = token_of(signatures, number)
        assert json.loads(signatures.verify(token)[1]) == {"number": number}
        assert json.loads(signatures.verify(token)[1]) == {"number": number}
    assert len(vars(signatures)["_seen"]) <= 2
