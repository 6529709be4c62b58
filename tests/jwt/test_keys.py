"""Keys by name: each bound to its algorithm, and nothing that a token says chooses another."""

from __future__ import annotations

import hmac
import json
import time
from datetime import timedelta
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.utils import base64url_decode
from quart import Quart

import quartapp.jwt as ours
from quartapp.jwt.codec import decode
from quartapp.jwt.jwt_manager import installed
from quartapp.jwt.keys import ALGORITHMS, LONGEST_KID, Key, KeyRing
from tests.jwt.support import KEY, VIEW_STYLES, b64, bearer, build, claims, signed_raw, unsigned
from tests.jwt.test_attacks import hmac_with

KEYS = {algorithm: Key.generate(algorithm) for algorithm in ALGORITHMS}
OVERLAP = timedelta(days=1)


def ring_of(*algorithms: str) -> KeyRing:
    """Return a ring of these keys; the first one signs, the others are on their way out."""
    soon = int(time.time()) + 24 * 3600  # longer than any run of the suite
    first, *others = (KEYS[algorithm] for algorithm in algorithms)
    return KeyRing([first, *(key.retiring(soon) for key in others)])


ALL = ring_of(*ALGORITHMS)


def with_keys(ring: Any, style: str = "async def", **options: Any) -> Quart:
    return build(style, KEYS=ring, **options)


def signed_by(key: Key, header: dict[str, Any] | None = None, **changes: Any) -> str:
    headers = {"kid": key.kid} | (header or {})
    payload = json.dumps(claims(**changes)).encode()
    return key.signer.sign(payload, headers, json.JSONEncoder)


async def ask(app: Quart, encoded: str) -> tuple[int, Any]:
    response = await app.test_client().get("/protected", headers=dict(bearer(encoded)))
    return response.status_code, await response.get_json()


@pytest.mark.parametrize("style", VIEW_STYLES)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_each_algorithm_signs_and_verifies(algorithm: str, style: str) -> None:
    app = with_keys(KeyRing([KEYS[algorithm]]), style)
    async with app.app_context():
        made = await ours.create_access_token("bob")

    header = ours.get_unverified_jwt_headers(made)
    assert header == {"alg": algorithm, "kid": KEYS[algorithm].kid, "typ": "JWT"}
    assert (await ask(app, made))[0] == 200


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_each_key_of_a_ring_verifies_what_it_signed(algorithm: str) -> None:
    assert (await ask(with_keys(ALL), signed_by(KEYS[algorithm])))[0] == 200


async def test_a_manager_takes_keys_and_the_option_wins() -> None:
    app = build()
    app.extensions["flask-jwt-extended"].use_keys(KeyRing([KEYS["ES256"]]))
    assert (await ask(app, signed_by(KEYS["ES256"])))[0] == 200
    assert (await ask(app, signed_by(KEYS["EdDSA"])))[0] == 422

    app.config["JWT_KEYS"] = KeyRing([KEYS["EdDSA"]])
    assert (await ask(app, signed_by(KEYS["ES256"])))[0] == 422
    assert (await ask(app, signed_by(KEYS["EdDSA"])))[0] == 200


async def test_with_keys_a_secret_of_the_options_counts_no_longer() -> None:
    app = with_keys(ALL)

    for header in ({}, {"kid": KEYS["HS256"].kid}):
        encoded = pyjwt.encode(claims(), KEY, algorithm="HS256", headers=header)
        assert (await ask(app, encoded))[0] == 422


def public_pem(key: Key) -> bytes:
    public = pyjwt.PyJWK(key.public_jwk() or {}).key
    pem: bytes = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem


RSA, EC, ED, HS = (KEYS[algorithm] for algorithm in ("RS256", "ES256", "EdDSA", "HS256"))
STRANGER = Key.generate("ES256")
UNKNOWN_KIDS: dict[str, object] = {
    "none": None,
    "empty": "",
    "unknown": "unknown",
    "a path": "../../../../dev/null",
    "an absolute path": "/etc/passwd",
    "a URL": "http://127.0.0.1:9/keys",
    "SQL": "' UNION SELECT 'x' --",
    "a template": "{{ 7 * 7 }} %s %n ${jndi:ldap://x}",
    "a null byte": f"{RSA.kid}\x00",
    "a line feed": f"{RSA.kid}\n",
    "a space after it": f"{RSA.kid} ",
    "another case": RSA.kid.swapcase(),
    "a part of it": RSA.kid[:-1],
    "10 KB": "k" * 10_240,
    "one character too long": "k" * (LONGEST_KID + 1),
    "not ASCII": "sch\u00fcssel",
    "a lone surrogate": "\ud800",
    "a number": 5,
    "true": True,
    "a list": [RSA.kid],
    "an object": {"kid": RSA.kid},
    "a float": 1.5,
}


@pytest.mark.parametrize("name", UNKNOWN_KIDS)
async def test_a_kid_that_is_not_known_is_refused(name: str) -> None:
    header = {"alg": "HS256", "kid": UNKNOWN_KIDS[name]}
    header = {n: v for n, v in header.items() if v is not None}

    status, body = await ask(with_keys(ALL), hmac_with(b"", header))

    assert status == 422
    assert set(body) == {"msg"}
    assert len(body["msg"]) < 100


async def test_a_kid_that_is_null_is_refused() -> None:
    assert (await ask(with_keys(ALL), hmac_with(b"", {"alg": "HS256", "kid": None})))[0] == 422


async def test_a_kid_is_looked_up_and_nothing_else() -> None:
    seen = []

    class Source:
        async def find(self, kid: str) -> Key | None:
            seen.append(kid)
            return None

        async def signing_key(self) -> Key:
            return RSA

    for kid in UNKNOWN_KIDS.values():
        await ask(with_keys(Source()), hmac_with(b"", {"alg": "HS256", "kid": kid}))

    assert all(isinstance(kid, str) and 0 < len(kid) <= LONGEST_KID for kid in seen)
    assert "unknown" in seen


def signed_twice_named(key: Key) -> str:
    """Sign with the right secret a header that names two keys."""
    header = f'{{"alg":"HS256","kid":"unknown","kid":"{key.kid}"}}'
    signed = f"{b64(header.encode())}.{b64(json.dumps(claims()).encode())}"
    secret = base64url_decode(key.secret_jwk()["k"])
    return f"{signed}.{b64(hmac.digest(secret, signed.encode(), 'sha256'))}"


EVIL_JWK = STRANGER.public_jwk()
CONFUSED = {
    "RSA key as the HMAC secret, PEM": hmac_with(public_pem(RSA), {"alg": "HS256", "kid": RSA.kid}),
    "EC key as the HMAC secret, PEM": hmac_with(public_pem(EC), {"alg": "HS256", "kid": EC.kid}),
    "Ed25519 key as the HMAC secret, PEM": hmac_with(
        public_pem(ED), {"alg": "HS256", "kid": ED.kid}
    ),
    "RSA key as the HMAC secret, called RS256": hmac_with(
        public_pem(RSA), {"alg": "RS256", "kid": RSA.kid}
    ),
    "HS256 by another key's kid": signed_by(HS, {"kid": RSA.kid}),
    "ES256 by another key's kid": signed_by(EC, {"kid": ED.kid}),
    "EdDSA by another key's kid": signed_by(ED, {"kid": EC.kid}),
    "RS256 by the kid of HS256": signed_by(RSA, {"kid": HS.kid}),
    "a stranger's key under a known kid": signed_by(STRANGER, {"kid": EC.kid}),
    "a stranger's key in jwk": signed_by(STRANGER, {"kid": EC.kid, "jwk": EVIL_JWK}),
    "a stranger's key in jwk, by its own kid": signed_by(STRANGER, {"jwk": EVIL_JWK}),
    "a stranger's key by jku": signed_by(
        STRANGER, {"kid": EC.kid, "jku": "https://127.0.0.1:9/jwks.json"}
    ),
    "a stranger's key by x5u": signed_by(STRANGER, {"x5u": "file:///etc/passwd"}),
    "a stranger's key in x5c": signed_by(STRANGER, {"kid": EC.kid, "x5c": ["AAAA"]}),
    "crit unknown": signed_by(HS, {"crit": ["exp"], "exp": 1}),
    "crit empty": signed_by(HS, {"crit": []}),
    "b64 false": signed_by(HS, {"crit": ["b64"], "b64": False}),
    "alg none": unsigned({"alg": "none", "kid": HS.kid}),
    "alg None": unsigned({"alg": "None", "kid": HS.kid}),
    "no alg": unsigned({"kid": HS.kid}, "AAAA"),
    "alg a list": unsigned({"alg": ["HS256"], "kid": HS.kid}, "AAAA"),
    "an empty signature": unsigned({"alg": "ES256", "kid": EC.kid}),
    "a signature of zeros": unsigned({"alg": "ES256", "kid": EC.kid}, b64(b"\x00" * 64)),
    "PS256 by a key for RS256": unsigned({"alg": "PS256", "kid": RSA.kid}, b64(b"\x00" * 256)),
    "HS512 by a key for HS256": unsigned({"alg": "HS512", "kid": HS.kid}, b64(b"\x00" * 64)),
    "kid twice": signed_twice_named(HS),
    "a header of 10 KB": unsigned({"alg": "HS256", "kid": HS.kid, "x": "y" * 10_240}, "AAAA"),
    "a header that is a list": f"{b64(b'[]')}.e30.AAAA",
    "a header that is no JSON": f"{b64(b'{')}.e30.AAAA",
    "a header of nested lists": f"{b64(b'[' * 1_400)}.e30.AAAA",
    "a header that is no UTF-8": f"{b64(bytes([255, 254]))}.e30.AAAA",
    "no header": ".e30.AAAA",
    "dots": "..",
    "one segment": "x",
    "one character of base64": "A.e30.AAAA",
    "not base64": "\u00fc!.e30.AAAA",
    "a secret in the header": signed_raw(b"{}", b'{"alg":"HS256","k":"AAAA"}'),
}


@pytest.mark.parametrize("profile", ["", "strict"])
@pytest.mark.parametrize("name", CONFUSED)
async def test_a_token_never_chooses_how_it_is_verified(name: str, profile: str) -> None:
    app = with_keys(ALL, PROFILE=profile, ENCODE_ISSUER="i", ENCODE_AUDIENCE="a")

    async with app.app_context():
        with pytest.raises(pyjwt.PyJWTError):
            await decode(installed(), CONFUSED[name])


@pytest.mark.parametrize("name", [n for n in CONFUSED if CONFUSED[n].isascii()])
async def test_neither_over_http(name: str) -> None:
    status, body = await ask(with_keys(ALL), CONFUSED[name])

    assert (status, set(body)) == (422, {"msg"})


@pytest.mark.parametrize(("length", "status"), [(5_000, 200), (7_000, 422)])
async def test_a_header_is_read_up_to_a_length_alone(length: int, status: int) -> None:
    # Certificates fit in, and nobody looks at them.
    encoded = signed_by(HS, {"x5c": ["A" * length]})

    assert (await ask(with_keys(ALL), encoded))[0] == status


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    ),
    st.dictionaries(
        st.sampled_from(["jwk", "jku", "x5u", "x5c", "crit", "typ", "cty", "b64", "kid", "alg"]),
        st.text(max_size=5) | st.integers() | st.none() | st.lists(st.text(max_size=3)),
    ),
)
async def test_whatever_a_header_says_a_forged_token_is_refused(
    kid: object, more: dict[str, object]
) -> None:
    encoded = hmac_with(b"x", {"alg": "HS256", "kid": kid} | more)

    async with with_keys(ALL, MAX_TOKEN_LENGTH=None).app_context():
        with pytest.raises(pyjwt.PyJWTError):
            await decode(installed(), encoded)


async def test_another_algorithm_cannot_be_asked_of_a_key() -> None:
    async with with_keys(ALL).app_context():
        with pytest.raises(ValueError, match="signs with ES256 and nothing else"):
            await ours.create_access_token("bob", additional_headers={"alg": "HS256"})
        made = await ours.create_access_token("bob", additional_headers={"kid": "mine"})
    assert ours.get_unverified_jwt_headers(made)["kid"] == EC.kid


async def test_a_ring_of_public_keys_cannot_sign() -> None:
    public = Key(public_pem(EC), "ES256")
    app = with_keys(KeyRing([public]))

    assert public.kid == EC.kid
    assert (await ask(app, signed_by(EC)))[0] == 200
    async with app.app_context():
        with pytest.raises(RuntimeError, match="can sign"):
            await ours.create_access_token("bob")


@pytest.mark.parametrize(
    "options",
    [
        {"JWT_ALGORITHM": "XX"},
        {"JWT_SECRET_KEY": 7},
        {"JWT_ALGORITHM": "RS256", "JWT_PUBLIC_KEY": "foo"},
    ],
)
async def test_what_is_no_token_is_refused_before_a_key_that_cannot_be_used_is_an_error(
    options: dict[str, Any],
) -> None:
    app = Quart(__name__)
    app.config.update({"JWT_SECRET_KEY": KEY} | options)
    ours.JWTManager(app)

    @app.get("/")
    @ours.jwt_required()
    async def secret() -> str:
        return "secret"

    answer = await app.test_client().get("/", headers={"Authorization": "Bearer junk"})
    assert (answer.status_code, await answer.get_json()) == (422, {"msg": "Not enough segments"})
