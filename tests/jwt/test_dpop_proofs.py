"""Proofs of DPoP: what they have to say, and that each is good once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from quartapp.jwt import MemorySessionStore
from quartapp.jwt.dpop import LONGEST_PROOF
from tests.jwt.dpop_app import KEYS, NULL, ORIGIN, RSA, Key, build, credentials, send, signed_in
from tests.jwt.session_app import Clock
from tests.jwt.support import b64

CHANGES: dict[str, dict[str, Any]] = {
    "no jti": {"jti": None},
    "an empty jti": {"jti": ""},
    "a long jti": {"jti": "x" * 257},
    "a jti that is a number": {"jti": 7},
    "no htm": {"htm": None},
    "another method": {"htm": "POST"},
    "a method in lower case": {"htm": "get"},
    "no htu": {"htu": None},
    "a htu that is a list": {"htu": [ORIGIN + "/me"]},
    "another path": {"htu": ORIGIN + "/you"},
    "another case of the path": {"htu": ORIGIN + "/ME"},
    "a longer path": {"htu": ORIGIN + "/me/"},
    "another host": {"htu": "http://example.org/me"},
    "another port": {"htu": "http://localhost:8000/me"},
    "another scheme": {"htu": "https://localhost/me"},
    "a user": {"htu": "http://bob@localhost/me"},
    "a relative htu": {"htu": "/me"},
    "a htu that is none": {"htu": "http://[::1/me"},
    "a port that is none": {"htu": "http://localhost:99999/me"},
    "no iat": {"iat": None},
    "an iat that is a text": {"iat": str(int(time.time()))},
    "an iat that is a truth value": {"iat": True},
    "a negative iat": {"iat": -1},
    "an enormous iat": {"iat": 10**300},
    "an iat beyond all floats": {"iat": 10**400},
    "an infinite iat": {"iat": float("inf")},
    "an iat that is no number": {"iat": float("nan")},
    "no ath": {"ath": None},
    "another ath": {"ath": b64(hashlib.sha256(b"x").digest())},
    "an empty ath": {"ath": ""},
    "an ath that is null": {"ath": NULL},
    "an ath that is a number": {"ath": 1},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=list(CHANGES))
async def test_a_proof_about_something_else_is_refused(changes: dict[str, Any]) -> None:
    app, key = build(), Key()
    access = (await signed_in(app, key))["access_token"]

    status, body, _ = await send(app, "GET", "/me", credentials(key, access, **changes))

    assert (status, body["error"]) == (401, "invalid_dpop_proof")


def headers_of(key: Key, **changes: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: key.sign(claims, **changes)


def with_header(raw: str) -> Callable[[dict[str, Any]], str]:
    """A proof whose header is this very JSON, its signature right."""

    def sign(claims: dict[str, Any]) -> str:
        text = raw.replace("JWK", json.dumps(_key.jwk))
        signed = f"{b64(text.encode())}.{b64(json.dumps(claims).encode())}"
        signature = pyjwt.get_algorithm_by_name("ES256").sign(signed.encode(), _key.private)
        return f"{signed}.{b64(signature)}"

    return sign


def secret_key(claims: dict[str, Any]) -> str:
    header = {"typ": "dpop+jwt", "jwk": {"kty": "oct", "k": b64(b"x" * 32)}}
    return pyjwt.encode(claims, b"x" * 32, algorithm="HS256", headers=header)


def unsigned(claims: dict[str, Any]) -> str:
    header = {"typ": "dpop+jwt", "alg": "none", "jwk": _key.jwk}
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}."


_key = Key()
_other = Key()
_short = rsa.generate_private_key(65_537, 1024)  # noqa: S505 - to be refused
_long = Key("RS256", rsa.generate_private_key(65_537, 4096 + 64))
FORGED: dict[str, Callable[[dict[str, Any]], str]] = {
    "typ JWT": headers_of(_key, typ="JWT"),
    "no typ": headers_of(_key, typ=None),
    "no jwk": headers_of(_key, jwk=None),
    "a jwk that is a text": headers_of(_key, jwk="x"),
    "an empty jwk": headers_of(_key, jwk={}),
    "the jwk of another key": headers_of(_key, jwk=_other.jwk),
    "a jwk with its private part": headers_of(_key, jwk=_key.jwk | {"d": "x"}),
    "a jwk off the curve": headers_of(_key, jwk=_key.jwk | {"y": _other.jwk["y"]}),
    "a jwk of another curve": headers_of(_key, jwk=_key.jwk | {"crv": "P-384"}),
    "a jwk of numbers": headers_of(_key, jwk=_key.jwk | {"x": 7}),
    "a jwk in other letters": headers_of(_key, jwk=_key.jwk | {"x": "é"}),
    "an RSA jwk under ES256": headers_of(_key, jwk=KEYS["RS256"]().jwk),
    "a short RSA key": headers_of(Key("RS256", _short)),
    "a long RSA key": headers_of(_long),
    "a long exponent": headers_of(KEYS["RS256"](), jwk=KEYS["RS256"]().jwk | {"e": "AQAB" * 9}),
    "Ed448": headers_of(Key("EdDSA", ed448.Ed448PrivateKey.generate())),
    "ES384": headers_of(Key("ES384", ec.generate_private_key(ec.SECP384R1()))),
    "PS256": headers_of(Key("PS256", RSA)),
    "HS256": secret_key,
    "none": unsigned,
    "crit": headers_of(_key, crit=["x"], x=1),
    "a header that names the jwk twice": with_header(
        '{"typ":"dpop+jwt","alg":"ES256","jwk":{},"jwk":JWK}'
    ),
    "no JSON": lambda _: "e30.e30.e30",
    "no JWT": lambda _: "x",
    "nothing": lambda _: "",
    "padding": lambda claims: _key.sign(claims) + "=",
    "not ASCII": lambda claims: _key.sign(claims) + "é",
    "two in one header": lambda claims: f"{_key.sign(claims)}, {_key.sign(claims)}",
    "too long": lambda claims: _key.sign(claims | {"x": "x" * LONGEST_PROOF}),
    "too long by its jwk": headers_of(_key, jwk=_key.jwk | {"x5c": "x" * LONGEST_PROOF}),
    "nested": lambda claims: _key.sign(claims | {"x": json.loads("[" * 500 + "]" * 500)}),
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("forge", FORGED.values(), ids=list(FORGED))
async def test_a_forged_proof_is_refused(forge: Callable[[dict[str, Any]], str]) -> None:
    app = build()
    claims = {"jti": "1", "htm": "POST", "htu": ORIGIN + "/login", "iat": int(time.time())}

    status, body, challenge = await send(app, "POST", "/login", {"DPoP": forge(claims)})

    if forge is FORGED["nested"]:
        assert status == 200
    else:
        assert (status, body["error"], challenge) == (400, "invalid_dpop_proof", None)


async def test_two_proofs_are_none() -> None:
    key = Key()
    headers = Headers([("DPoP", key.proof("/login", "POST")) for _ in range(2)])

    assert (await send(build(), "POST", "/login", headers))[0] == 400


@pytest.mark.parametrize(
    ("htu", "path"),
    [
        ("http://localhost/me", "/me?x=1"),
        ("http://localhost/me?y=2#z", "/me"),
        ("HTTP://LocalHost:80/me", "/me"),
        ("http://localhost/%6De", "/me"),
        ("http://localhost/a%20b/%c3%a9/x%7ey", "/a b/é/x~y"),
    ],
)
async def test_addresses_are_compared_normalised(htu: str, path: str) -> None:
    app, key = build(), Key()
    access = (await signed_in(app, key))["access_token"]

    assert (await send(app, "GET", path, credentials(key, access, htu=htu)))[0] == 200


async def test_the_origin_can_be_set_fast() -> None:
    app, key = build(origins=["https://api.example.org", "http://localhost:80"]), Key()
    access = (await signed_in(app, key))["access_token"]

    async def answer(origin: str, host: str) -> int:
        sent = credentials(key, access, htu=f"{origin}/me") | {"Host": host}
        return (await send(app, "GET", "/me", sent))[0]

    assert await answer("https://api.example.org", "internal:8000") == 200
    # A proof made for somebody else's site, sent on with that one's name.
    assert await answer("http://evil.example", "evil.example") == 401


async def test_without_an_origin_the_host_counts() -> None:
    app, key = build(), Key()
    access = (await signed_in(app, key))["access_token"]
    sent = credentials(key, access, htu="http://api.example.org/me") | {"Host": "api.example.org"}

    assert (await send(app, "GET", "/me", sent))[0] == 200
    sent = credentials(key, access) | {"Host": "localhost:x"}
    assert (await send(app, "GET", "/me", sent))[0] in {400, 401}


@pytest.mark.parametrize(
    ("age", "status"),
    [(-6.0, 401), (-5.0, 200), (0.0, 200), (60.0, 200), (60.5, 401), (3600.0, 401)],
)
async def test_a_proof_is_good_for_a_minute(age: float, status: int) -> None:
    clock = Clock(datetime.now(UTC).replace(microsecond=0))
    app, key = build(clock=clock), Key()
    access = (await signed_in(app, key))["access_token"]

    sent = credentials(key, access, iat=clock.now.timestamp() - age)
    assert (await send(app, "GET", "/me", sent))[0] == status


async def test_a_proof_is_good_once_over_all_processes() -> None:
    store, key = MemorySessionStore(), Key()
    apps = [build(store), build(store)]
    access = (await signed_in(apps[0], key))["access_token"]
    sent = credentials(key, access)

    answers = await asyncio.gather(*(send(app, "GET", "/me", sent) for app in apps * 25))

    assert [status for status, _, _ in answers].count(200) == 1


async def test_the_same_jti_of_another_key_is_another_proof() -> None:
    app, key, other = build(), Key(), Key()
    for each in (key, other):
        sent = {"DPoP": each.proof("/login", "POST", jti="1")}
        assert (await send(app, "POST", "/login", sent))[0] == 200


async def test_a_refused_proof_takes_no_room() -> None:
    store, key = MemorySessionStore(most_keys=2), Key()
    app = build(store)
    access = (await signed_in(app, key))["access_token"]
    for _ in range(5):
        assert (await send(app, "GET", "/me", credentials(key, access, htm="PUT")))[0] == 401

    assert (await send(app, "GET", "/me", credentials(key, access)))[0] == 200
    # No room for a third: then nobody can tell whether it is new.
    assert (await send(app, "GET", "/me", credentials(key, access)))[0] == 401


_app = build()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_whatever_is_changed_in_a_proof_it_is_refused(data: st.DataObject) -> None:
    proof = _key.proof("/login", "POST")
    place = data.draw(st.integers(0, len(proof) - 2))
    character = data.draw(st.sampled_from("ABxyz019-_.=, %\xe9"))
    if proof[place] == character:
        return
    changed = proof[:place] + character + proof[place + 1 :]

    status, body, _ = await send(_app, "POST", "/login", {"DPoP": changed})

    assert (status, body["error"]) == (400, "invalid_dpop_proof")
