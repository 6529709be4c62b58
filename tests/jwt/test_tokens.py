"""Tokens made and read outside of a route's guard."""

from __future__ import annotations

import decimal
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from quart import Quart

import quartapp.jwt as ours
from quartapp.jwt.exceptions import CSRFError
from tests.jwt.support import KEY, NOW, bearer, build, token


@pytest.fixture
async def app() -> AsyncIterator[Quart]:
    """An application within whose context the test runs: no request, no server."""
    app = build()
    async with app.app_context():
        yield app


@pytest.mark.usefixtures("app")
async def test_an_access_token_holds_the_default_claims() -> None:
    made = await ours.decode_token(await ours.create_access_token("bob"))

    assert list(made) == ["fresh", "iat", "jti", "type", "sub", "nbf", "csrf", "exp"]
    assert (made["fresh"], made["type"], made["sub"]) == (False, "access", "bob")
    assert made["exp"] - made["iat"] == 15 * 60
    assert made["nbf"] == made["iat"]
    assert {uuid.UUID(made["jti"]).version, uuid.UUID(made["csrf"]).version} == {4}


@pytest.mark.usefixtures("app")
async def test_a_refresh_token_lives_for_thirty_days() -> None:
    made = await ours.decode_token(await ours.create_refresh_token("bob"))

    assert (made["fresh"], made["type"]) == (False, "refresh")
    assert made["exp"] - made["iat"] == 30 * 86_400


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("create", [ours.create_access_token, ours.create_refresh_token])
async def test_the_call_s_lifetime_wins(create: Any) -> None:
    short = await ours.decode_token(await create("bob", expires_delta=timedelta(seconds=5)))
    eternal = await ours.decode_token(await create("bob", expires_delta=False))

    assert short["exp"] - short["iat"] == 5
    assert "exp" not in eternal


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("fresh", "claim"),
    [(True, True), (NOW + 5, NOW + 5), (NOW + 0.5, NOW + 0.5)],
    ids=["true", "a second", "half a second"],
)
async def test_freshness_stands_in_the_token(fresh: Any, claim: Any) -> None:
    made = await ours.decode_token(await ours.create_access_token("bob", fresh=fresh))

    assert made["fresh"] == claim


@pytest.mark.usefixtures("app")
async def test_freshness_may_be_a_duration_from_now() -> None:
    encoded = await ours.create_access_token("bob", fresh=timedelta(minutes=5))

    made = await ours.decode_token(encoded)

    assert 299 < made["fresh"] - made["iat"] < 302


@pytest.mark.usefixtures("app")
async def test_claims_may_be_whatever_the_application_s_json_can_hold() -> None:
    encoded = await ours.create_access_token(
        "bob",
        additional_claims={
            "uuid": uuid.UUID(int=1),
            "decimal": decimal.Decimal("1.5"),
            "time": datetime(2020, 1, 1, tzinfo=UTC),
            "exp": datetime(2100, 1, 1, tzinfo=UTC),
        },
    )

    made = await ours.decode_token(encoded)

    assert made["uuid"] == "00000000-0000-0000-0000-000000000001"
    assert (made["decimal"], made["time"]) == ("1.5", "Wed, 01 Jan 2020 00:00:00 GMT")
    assert made["exp"] == 4_102_444_800


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("claim", [{1, 2}, object(), b"x"])
async def test_a_claim_that_json_cannot_hold_is_a_type_error(claim: Any) -> None:
    with pytest.raises(TypeError):
        await ours.create_access_token("bob", additional_claims={"x": claim})


@pytest.mark.usefixtures("app")
async def test_reading_fills_in_what_a_foreign_token_lacks() -> None:
    bare = token(type=None, fresh=None, jti=None)

    made = await ours.decode_token(bare)

    assert (made["type"], made["fresh"], made["jti"]) == ("access", False, None)
    assert await ours.get_jti(bare) is None


@pytest.mark.usefixtures("app")
async def test_an_expired_token_is_read_where_that_is_asked_for() -> None:
    expired = token(exp=NOW - 9)

    with pytest.raises(pyjwt.ExpiredSignatureError):
        await ours.decode_token(expired)
    assert (await ours.decode_token(expired, allow_expired=True))["sub"] == "bob"
    with pytest.raises(pyjwt.InvalidSignatureError):
        await ours.decode_token(token(exp=NOW - 9, key=KEY + "x"), allow_expired=True)


@pytest.mark.usefixtures("app")
async def test_a_csrf_value_is_compared() -> None:
    assert await ours.decode_token(token(), csrf_value="csrf-of-access")
    assert await ours.decode_token(token(), "")
    with pytest.raises(CSRFError):
        await ours.decode_token(token(), "other")
    with pytest.raises(ours.JWTDecodeError, match="Missing claim: csrf"):
        await ours.decode_token(token(csrf=None), "other")


@pytest.mark.usefixtures("app")
async def test_id_and_csrf_value_are_read_from_verified_tokens() -> None:
    encoded = await ours.create_access_token("bob")
    made = await ours.decode_token(encoded)

    assert await ours.get_jti(encoded) == made["jti"]
    assert await ours.get_csrf_token(encoded) == made["csrf"]
    for read in (ours.get_jti, ours.get_csrf_token):
        with pytest.raises(pyjwt.InvalidSignatureError):
            await read(token(key=KEY + "x"))
    with pytest.raises(ours.JWTDecodeError, match="Missing claim: csrf"):
        await ours.get_csrf_token(token(csrf=None))


def test_headers_are_read_without_an_application_and_without_a_key() -> None:
    assert ours.get_unverified_jwt_headers(token(headers={"kid": "1"}))["kid"] == "1"


@pytest.mark.parametrize("encoded", ["", "x", "a.b.c", "\ud800", "ü.ü.ü", 5, None, b"\xff"])
def test_headers_of_what_is_no_token_are_a_decode_error(encoded: Any) -> None:
    with pytest.raises(pyjwt.DecodeError):
        ours.get_unverified_jwt_headers(encoded)


async def test_nothing_works_without_a_manager() -> None:
    async with Quart("bare").app_context():
        with pytest.raises(RuntimeError, match="init_app"):
            await ours.create_access_token("bob")


def pem(key: Any) -> tuple[str, str]:
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", rsa.generate_private_key(65_537, 2048)),
        ("ES256", ec.generate_private_key(ec.SECP256R1())),
        ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    ],
)
@pytest.mark.parametrize("as_objects", [True, False])
async def test_a_pair_of_keys_signs_and_verifies(
    algorithm: str, key: Any, as_objects: bool
) -> None:
    private, public = (key, key.public_key()) if as_objects else pem(key)
    app = build(ALGORITHM=algorithm, PRIVATE_KEY=private, PUBLIC_KEY=public)
    async with app.app_context():
        encoded = await ours.create_access_token("bob")

    response = await app.test_client().get("/protected", headers=dict(bearer(encoded)))

    assert ours.get_unverified_jwt_headers(encoded)["alg"] == algorithm
    assert response.status_code == 200
    hs256 = await app.test_client().get("/protected", headers=dict(bearer(token())))
    assert hs256.status_code == 422


async def test_an_algorithm_of_one_s_own_can_be_registered_with_pyjwt() -> None:
    class Shouted(pyjwt.algorithms.HMACAlgorithm):
        """HS256 under another name."""

    pyjwt.register_algorithm("SHOUTED", Shouted(Shouted.SHA256))
    try:
        app = build(ALGORITHM="SHOUTED")
        async with app.app_context():
            encoded = await ours.create_access_token("bob")
            assert (await ours.decode_token(encoded))["sub"] == "bob"
    finally:
        pyjwt.unregister_algorithm("SHOUTED")


async def test_a_jwk_is_a_key() -> None:
    app = build()
    key = pyjwt.PyJWK({"kty": "oct", "k": "c2VjcmV0" * 8, "alg": "HS256"})
    app.config["JWT_SECRET_KEY"] = key

    async with app.app_context():
        encoded = await ours.create_access_token("bob")
        assert (await ours.decode_token(encoded))["sub"] == "bob"
        app.config["JWT_ALGORITHM"] = "HS512"
        with pytest.raises(RuntimeError, match="a key for HS256"):
            await ours.decode_token(encoded)


async def test_no_token_is_made_with_the_algorithm_none() -> None:
    app = build(ALGORITHM="none")
    app.extensions["flask-jwt-extended"].encode_key_loader(lambda _: "")

    async with app.app_context():
        with pytest.raises(RuntimeError, match="used with none of none"):
            await ours.create_access_token("bob")


async def test_an_algorithm_that_fails_over_a_signature_refuses_it() -> None:
    class Fragile(pyjwt.algorithms.HMACAlgorithm):
        """One that expects a signature of its own making."""

        def verify(self, msg: bytes, key: bytes, sig: bytes) -> bool:
            raise ValueError("a signature of another length")

    pyjwt.register_algorithm("FRAGILE", Fragile(Fragile.SHA256))
    try:
        app = build(ALGORITHM="FRAGILE")
        async with app.app_context():
            encoded = await ours.create_access_token("bob")
            with pytest.raises(pyjwt.DecodeError, match="Invalid token"):
                await ours.decode_token(encoded)
    finally:
        pyjwt.unregister_algorithm("FRAGILE")
