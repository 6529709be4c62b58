"""The strict profile: what it asks for, and what it leaves to the application."""

from __future__ import annotations

import json
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from quart import Quart

import quartapp.jwt as ours
from quartapp.jwt.exceptions import JWTDecodeError
from tests.jwt.session_app import build_world
from tests.jwt.support import KEY, NOW, VIEW_STYLES, bearer, build, claims, signed_raw, styled

RING = ours.KeyRing.generate("ES256")
ISS, AUD = "https://issuer.example", "houses"
STRICT: dict[str, Any] = {"PROFILE": "strict", "ENCODE_ISSUER": ISS, "ENCODE_AUDIENCE": AUD}


def strict(style: str = "async def", **options: Any) -> Quart:
    return build(style, **(STRICT | options))


def token(typ: object = "at+jwt", *, key: str = KEY, header: Any = None, **changes: Any) -> str:
    """Return an access token as the strict profile makes them."""
    headers = {"typ": typ} | (header or {})
    return pyjwt.encode(claims(**({"iss": ISS, "aud": AUD} | changes)), key, headers=headers)


def raw(header: dict[str, Any], **changes: Any) -> str:
    """Return a token with this very header."""
    payload = claims(**({"iss": ISS, "aud": AUD} | changes))
    return signed_raw(json.dumps(payload).encode(), json.dumps(header).encode())


async def ask(app: Quart, encoded: str, path: str = "/protected") -> tuple[int, Any]:
    response = await app.test_client().get(path, headers=dict(bearer(encoded)))
    return response.status_code, await response.get_json()


@pytest.mark.parametrize("style", VIEW_STYLES)
async def test_its_own_tokens_are_let_in_where_they_belong(style: str) -> None:
    app = strict(style)
    async with app.app_context():
        access = await ours.create_access_token("bob")
        refresh = await ours.create_refresh_token("bob")

    assert ours.get_unverified_jwt_headers(access)["typ"] == "at+jwt"
    assert ours.get_unverified_jwt_headers(refresh)["typ"] == "rt+jwt"
    assert (await ask(app, access))[0] == (await ask(app, refresh, "/refresh"))[0] == 200
    assert (await ask(app, refresh))[0] == (await ask(app, access, "/refresh"))[0] == 401


@pytest.mark.parametrize(
    ("name", "encoded"),
    {
        "no iss": token(iss=None),
        "another iss": token(iss="https://other.example"),
        "iss a list": raw({"alg": "HS256", "typ": "at+jwt"}, iss=[ISS]),
        "no aud": token(aud=None),
        "another aud": token(aud="other"),
        "aud empty": token(aud=[]),
        "no exp": token(exp=None),
        "exp over": token(exp=NOW - 1),
        "no sub": token(sub=None),
        "sub a number": raw({"alg": "HS256", "typ": "at+jwt"}, sub=1),
        "typ JWT": token("JWT"),
        "typ of a refresh token on an access token": token("rt+jwt"),
        "typ of an access token on a refresh token": token(type="refresh"),
        "typ of a DPoP proof": token("dpop+jwt"),
        "typ unknown": token("zzz"),
        "typ a number": raw({"alg": "HS256", "typ": 5}),
        "typ a list": raw({"alg": "HS256", "typ": ["at+jwt"]}),
        "typ null": raw({"alg": "HS256", "typ": None}),
        "no typ": raw({"alg": "HS256"}),
        "typ twice": signed_raw(
            json.dumps(claims(iss=ISS, aud=AUD)).encode(),
            b'{"alg":"HS256","typ":"JWT","typ":"at+jwt"}',
        ),
        "typ with a parameter": token("at+jwt;x=y"),
        "type unknown": token(type="other"),
        "type a list": token(type=["access"]),
        "crit": raw({"alg": "HS256", "typ": "at+jwt", "crit": ["exp"], "exp": 1}),
        "crit b64": raw({"alg": "HS256", "typ": "at+jwt", "crit": ["b64"], "b64": True}),
        "another algorithm": pyjwt.encode(
            claims(iss=ISS, aud=AUD), KEY * 2, algorithm="HS512", headers={"typ": "at+jwt"}
        ),
    }.items(),
)
@pytest.mark.parametrize("style", VIEW_STYLES)
async def test_a_token_that_says_less_is_refused(name: str, encoded: str, style: str) -> None:
    status, body = await ask(strict(style), encoded)

    assert (status, set(body)) == (401, {"msg"}), name


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"])
async def test_a_type_is_a_media_type_in_any_case(typ: str) -> None:
    assert (await ask(strict(), token(typ)))[0] == 200


async def test_a_token_of_another_issuer_needs_no_claim_type() -> None:
    assert (await ask(strict(), token(type=None)))[0] == 200
    assert (await ask(strict(), token("rt+jwt", type=None), "/refresh"))[0] == 200
    assert (await ask(strict(), token("rt+jwt", type=None)))[0] == 401


async def test_an_expired_token_may_still_be_read_but_not_one_without_end() -> None:
    async with strict().app_context():
        assert (await ours.decode_token(token(exp=NOW - 9), allow_expired=True))["sub"] == "bob"
        with pytest.raises(pyjwt.MissingRequiredClaimError):
            await ours.decode_token(token(exp=None), allow_expired=True)


@pytest.mark.parametrize("profile", ["", None, "compatible"])
async def test_the_other_profiles_change_nothing(profile: str | None) -> None:
    app = build(PROFILE=profile)

    async with app.app_context():
        made = await ours.create_access_token("bob", expires_delta=False)
    assert ours.get_unverified_jwt_headers(made)["typ"] == "JWT"
    assert (await ask(app, made))[0] == 200


async def test_the_profile_is_read_at_each_use(app: Quart) -> None:
    loose = token("JWT")
    assert (await ask(app, loose))[0] == 200

    app.config.update({f"JWT_{name}": value for name, value in STRICT.items()})
    assert (await ask(app, loose))[0] == 401
    assert (await ask(app, token()))[0] == 200

    app.config["JWT_PROFILE"] = "compatible"
    assert (await ask(app, loose))[0] == 200


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"PROFILE": "strikt"}, "JWT_PROFILE"),
        ({"ENCODE_ISSUER": None}, "JWT_ENCODE_ISSUER or JWT_DECODE_ISSUER"),
        ({"ENCODE_AUDIENCE": None}, "JWT_ENCODE_AUDIENCE or JWT_DECODE_AUDIENCE"),
        ({"ENCODE_AUDIENCE": ""}, "JWT_ENCODE_AUDIENCE or JWT_DECODE_AUDIENCE"),
        ({"DECODE_ALGORITHMS": ["HS256", "HS512"]}, "JWT_DECODE_ALGORITHMS"),
        ({"SECRET_KEY": "x" * 31}, "31 bytes"),
    ],
)
async def test_a_profile_that_cannot_hold_is_the_server_s_mistake(
    changes: dict[str, Any], text: str
) -> None:
    app = strict(**changes)
    app.config["PROPAGATE_EXCEPTIONS"] = True

    async with app.test_request_context("/", headers=dict(bearer(token()))):
        with pytest.raises(RuntimeError, match=text):
            await ours.verify_jwt_in_request()
    if "DECODE_ALGORITHMS" not in changes:
        async with app.app_context():
            with pytest.raises(RuntimeError, match=text):
                await ours.create_access_token("bob")


def test_32_bytes_are_enough_and_counted_in_bytes() -> None:
    # 16 letters of two bytes each.
    for secret in ("x" * 32, "é" * 16):
        assert ours.Key(secret, "HS256")
    with pytest.raises(ValueError, match="31 bytes"):
        ours.Key(b"x" * 31, "HS256")


async def test_a_short_rsa_key_neither_signs_nor_verifies() -> None:
    private = rsa.generate_private_key(65_537, 1024)  # noqa: S505 - to be refused
    app = strict(ALGORITHM="RS256", PRIVATE_KEY=private, PUBLIC_KEY=private.public_key())

    async with app.app_context():
        with pytest.raises(RuntimeError, match="1024 bits"):
            await ours.create_access_token("bob")
        with pytest.raises(RuntimeError, match="1024 bits"):
            await ours.decode_token(token())


async def test_another_curve_is_none_for_es256() -> None:
    private = ec.generate_private_key(ec.SECP384R1())

    with pytest.raises(ValueError, match="curve"):
        ours.Key(private, "ES256")


async def test_a_weak_key_that_the_token_chose_is_the_token_s_fault() -> None:
    app = strict()
    app.extensions["flask-jwt-extended"].decode_key_loader(styled("def", lambda _, __: "short"))

    assert (await ask(app, token()))[0] == 401


async def test_the_public_key_is_no_secret() -> None:
    private = rsa.generate_private_key(65_537, 2048)
    pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    app = strict(ALGORITHM="RS256", PRIVATE_KEY=private, PUBLIC_KEY=pem)
    app.config["JWT_SECRET_KEY"] = pem.decode()

    async with app.app_context():
        assert await ours.decode_token(await ours.create_access_token("bob"))
    assert (await ask(app, token()))[0] == 401


@pytest.mark.parametrize(
    ("made", "text"),
    [
        ({"expires_delta": False}, "exp"),
        ({"additional_claims": {"aud": None}}, "aud"),
        ({"additional_claims": {"iss": ""}}, "iss"),
        ({"additional_headers": {"alg": "HS512"}}, "ALGORITHM"),
    ],
)
async def test_a_token_that_it_would_refuse_is_not_made(made: dict[str, Any], text: str) -> None:
    async with strict().app_context():
        with pytest.raises(ValueError, match=text):
            await ours.create_access_token("bob", **made)


async def test_issuer_and_audience_may_stand_on_either_side() -> None:
    app = strict(
        ENCODE_ISSUER=None, ENCODE_AUDIENCE=None, DECODE_ISSUER=ISS, DECODE_AUDIENCE=[AUD, "b"]
    )
    async with app.app_context():
        made = await ours.decode_token(await ours.create_access_token("bob"))
    assert (made["iss"], made["aud"]) == (ISS, [AUD, "b"])

    app.config["JWT_DECODE_ISSUER"] = [ISS, "https://other.example"]
    async with app.app_context():
        with pytest.raises(RuntimeError, match="JWT_ENCODE_ISSUER"):
            await ours.create_access_token("bob")
        assert await ours.decode_token(token(iss="https://other.example"))


async def test_the_query_string_is_searched_only_where_it_is_named() -> None:
    query = {"jwt": token()}

    response = await strict().test_client().get("/protected", query_string=query)
    assert response.status_code == 401

    app = strict(TOKEN_LOCATION=["headers", "query_string"])
    assert (await app.test_client().get("/protected", query_string=query)).status_code == 200


async def test_a_strict_manager_with_its_own_keys_and_the_default_one_share_no_token() -> None:
    app = build()
    app.config.update({f"API_JWT_{name}": value for name, value in STRICT.items()})
    app.config["API_JWT_KEYS"] = ours.KeyRing([ours.Key(KEY, "HS256", kid="api")])
    ours.JWTManager(app, name="api")

    @app.get("/api")
    @ours.jwt_required(manager="api")
    async def api() -> dict[str, Any]:
        return {"identity": ours.get_jwt_identity()}

    async with app.app_context():
        loose = await ours.create_access_token("bob")
        hard = await ours.create_access_token("bob", manager="api")

    assert (await ask(app, loose))[0] == (await ask(app, hard, "/api"))[0] == 200
    status, body = await ask(app, loose, "/api")
    assert (status, body) == (401, {"msg": "The token names no key that is known here (kid)"})
    # The very same secret on both sides, and issuer and type still tell them apart.
    named = token("JWT", header={"kid": "api"}, iss=None, aud=None)
    assert [(await ask(app, named, path))[0] for path in ("/protected", "/api")] == [200, 401]


@settings(max_examples=200, deadline=None)
@given(st.data())
async def test_whatever_is_changed_in_a_token_it_is_refused(data: st.DataObject) -> None:
    app = strict(KEYS=RING)
    async with app.app_context():
        made = await ours.create_access_token("bob")
        place = data.draw(st.integers(0, len(made) - 1))
        letter = data.draw(st.characters())
        cut = data.draw(st.integers(0, 3))
        changed = made[:place] + letter + made[place + cut :]
        if changed != made:
            with pytest.raises((pyjwt.PyJWTError, JWTDecodeError)):
                await ours.decode_token(changed)


@pytest.mark.parametrize("style", VIEW_STYLES)
async def test_a_session_lives_on_while_its_keys_rotate(style: str) -> None:
    world = build_world(style=style, KEYS=RING, **STRICT)
    first = await world.sign_in()
    assert ours.get_unverified_jwt_headers(first["refresh_token"])["typ"] == "rt+jwt"

    second = await world.rotated(first)
    world.app.config["JWT_KEYS"] = RING.rotated(ours.Key.generate("EdDSA"))
    # The reply was lost: the same step again, signed anew by the new key.
    again = await world.rotated(first)
    header = ours.get_unverified_jwt_headers(again["refresh_token"])
    assert (header["alg"], header["typ"]) == ("EdDSA", "rt+jwt")

    third = await world.rotated(again)
    assert [await world.me(tokens) for tokens in (second, again, third)] == [200] * 3
    assert await world.me({"access_token": third["refresh_token"]}) == 401
    status, _ = await world.refresh(first)
    assert status == 401
    assert await world.me(third) == 401
