"""Key rings: rotation, names, the public document, and what is no key."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from quartapp.jwt.keys import ALGORITHMS, Key, KeyRing, thumbprint
from tests.jwt.support import KEY
from tests.jwt.test_keys import (
    ALL,
    EC,
    ED,
    HS,
    KEYS,
    OVERLAP,
    RSA,
    ask,
    public_pem,
    signed_by,
    with_keys,
)


def test_after_rotation_the_old_key_verifies_until_it_retires(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = Key.generate("EdDSA")
    ring = KeyRing([EC]).rotated(new, OVERLAP)

    old = ring.get(EC.kid)
    assert old is not None
    assert old.retires is not None
    assert (ring.signing.kid, old.signs) == (new.kid, False)
    assert abs(old.retires - time.time() - OVERLAP.total_seconds()) < 5

    at = old.retires
    monkeypatch.setattr(time, "time", lambda: at - 0.001)
    assert ring.get(EC.kid) is old
    assert len(ring.jwks()["keys"]) == 2
    monkeypatch.setattr(time, "time", lambda: float(at))
    assert ring.get(EC.kid) is None
    assert [key["kid"] for key in ring.jwks()["keys"]] == [new.kid]
    assert [key.kid for key in ring.rotated(HS, OVERLAP).keys] == [HS.kid, new.kid]


async def test_a_retired_key_is_refused_at_once_where_there_is_no_overlap() -> None:
    ring = KeyRing([EC]).rotated(Key.generate("ES256"), timedelta(0))

    assert (await ask(with_keys(ring), signed_by(EC)))[0] == 422
    assert len(ring.keys) == 1


def test_a_second_rotation_does_not_lengthen_the_life_of_the_first_key() -> None:
    once = KeyRing([EC]).rotated(ED, OVERLAP)
    twice = once.rotated(HS, OVERLAP * 30)

    first, again = once.get(EC.kid), twice.get(EC.kid)
    assert first is not None
    assert again is not None
    assert first.retires == again.retires


def test_the_document_holds_the_public_keys_and_nothing_secret() -> None:
    document = ALL.jwks()

    listed = {key["alg"]: set(key) for key in document["keys"]}
    common = {"kty", "use", "alg", "kid"}
    assert listed == {
        "ES256": common | {"crv", "x", "y"},
        "EdDSA": common | {"crv", "x"},
        "RS256": common | {"n", "e"},
    }
    assert {key["use"] for key in document["keys"]} == {"sig"}
    secrets = [str(KEYS[a].secret_jwk().get(m, "-")) for a in ALGORITHMS for m in "dkpq"]
    assert [s for s in secrets if len(s) > 1 and s in json.dumps(document)] == []
    for key in document["keys"]:
        encoded = signed_by(KEYS[key["alg"]])
        assert pyjwt.decode(encoded, pyjwt.PyJWK(key), algorithms=[key["alg"]])["sub"] == "bob"


def test_a_public_key_is_named_by_its_thumbprint() -> None:
    # The example of RFC 7638 section 3.1.
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"
        "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2"
        "QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh"
        "6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    example = {"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}

    assert thumbprint(example) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    assert RSA.kid == thumbprint(RSA.public_jwk() or {})
    with pytest.raises(ValueError, match="public key"):
        thumbprint({"kty": "oct", "k": "AAAA"})


def test_a_secret_is_not_named_by_its_digest_and_never_shown() -> None:
    one, other = Key("s" * 32, "HS256"), Key("s" * 32, "HS256")

    assert one.kid != other.kid
    assert one.public_jwk() is None
    assert repr(one) == f"<Key {one.kid} HS256>"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_survives_being_written_and_read(algorithm: str) -> None:
    key = Key.generate(algorithm)
    again = Key.from_jwk(json.loads(json.dumps(key.secret_jwk())))

    assert (again.kid, again.algorithm, again.made) == (key.kid, algorithm, key.made)
    assert again.signs
    assert again.secret_jwk() == key.secret_jwk()
    with pytest.raises(ValueError, match="none of"):
        Key.generate("none")


@pytest.mark.parametrize(
    ("material", "algorithm"),
    [
        ("", "HS256"),
        ("x" * 31, "HS256"),
        (public_pem(RSA), "HS256"),
        (json.dumps(RSA.public_jwk()), "HS256"),
        (public_pem(RSA), "ES256"),
        (public_pem(EC), "RS256"),
        (public_pem(EC), "EdDSA"),
        ("x" * 40, "RS256"),
        (None, "RS256"),
        (5, "HS256"),
        (KEY, "none"),
        (KEY, "HS257"),
        (KEY, "HS512"),
        (ec.generate_private_key(ec.SECP256K1()), "ES256"),
        (ed25519.Ed25519PrivateKey.generate(), "ES256"),
    ],
)
def test_what_is_no_key_for_an_algorithm_is_none(material: Any, algorithm: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the texts are many
        Key(material, algorithm)
    assert "x" * 31 not in str(caught.value)


def test_an_enormous_rsa_key_is_none() -> None:
    numbers = rsa.RSAPublicNumbers(65_537, (1 << 9_000) + 1)

    with pytest.raises(ValueError, match="longer than 8192 bits"):
        Key(numbers.public_key(), "RS256")


@pytest.mark.parametrize("kid", ["", "\u00fc", "a\nb", "x" * 257, "a\x00"])
def test_a_name_is_short_and_printable(kid: str) -> None:
    if kid:
        with pytest.raises(ValueError, match="kid"):
            Key(KEY, "HS256", kid=kid)
    with pytest.raises(ValueError, match="kid"):
        Key.from_jwk(HS.secret_jwk() | {"kid": kid})


def test_names_do_not_repeat_and_one_key_signs() -> None:
    with pytest.raises(ValueError, match="one kid"):
        KeyRing([EC, EC])
    with pytest.raises(ValueError, match="Two keys would sign"):
        KeyRing([EC, ED])
    assert KeyRing.generate().signing.algorithm == "ES256"
