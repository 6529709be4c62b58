"""DPoP: a token bound to a key is worth nothing without it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt as pyjwt
import pytest
from quart import Quart

import quartapp.jwt as ours
from quartapp.jwt import JWTManager, MemorySessionStore
from quartapp.jwt.dpop import thumbprint
from tests.jwt.dpop_app import KEYS, Answer, Key, build, credentials, send, signed_in
from tests.jwt.support import KEY, token

ALGS = 'algs="ES256 EdDSA RS256"'


@pytest.mark.parametrize("algorithm", KEYS)
async def test_the_holder_of_the_key_comes_in(algorithm: str) -> None:
    app, key = build(), KEYS[algorithm]()
    tokens = await signed_in(app, key)
    access = tokens["access_token"]

    assert (await send(app, "GET", "/me", credentials(key, access)))[:2] == (200, {"me": "bob"})
    assert (await send(app, "GET", "/live", credentials(key, access, "/live")))[0] == 200
    claims = pyjwt.decode(access, options={"verify_signature": False})
    refresh = pyjwt.decode(tokens["refresh_token"], options={"verify_signature": False})
    assert claims["cnf"] == refresh["cnf"] == {"jkt": thumbprint(required(key.jwk))}


def required(jwk: dict[str, Any]) -> dict[str, str]:
    members = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
    return {name: jwk[name] for name in members[jwk["kty"]]}


def test_the_thumbprint_is_that_of_the_rfc() -> None:
    # RFC 7638 section 3.1.
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"
        "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW"
        "2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQ"
        "Fh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    assert thumbprint({"n": n, "e": "AQAB", "kty": "RSA"}) == (
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    )


async def test_a_stolen_token_is_worth_nothing() -> None:
    app, key, thief = build(), Key(), Key()
    access = (await signed_in(app, key))["access_token"]
    bearer = {"Authorization": f"Bearer {access}"}
    seen = credentials(key, access)
    await send(app, "GET", "/me", seen)

    stolen = [
        ("/me", bearer),
        ("/either", bearer),
        ("/bearer", bearer),
        ("/bearer", credentials(key, access, "/bearer")),
        ("/me", {"Authorization": f"DPoP {access}"}),
        ("/me", credentials(thief, access)),
        ("/me", seen),
        ("/either", seen | {"DPoP": thief.proof("/either", about=access)}),
        ("/either", bearer | {"DPoP": key.proof("/either", about=access)}),
    ]
    for path, headers in stolen:
        status, _, _ = await send(app, "GET", path, headers)
        assert status == 401, (path, headers)


@pytest.mark.parametrize(
    ("headers", "body", "challenge"),
    [
        (
            {},
            {
                "msg": "Missing 'DPoP' type in 'Authorization' header. "
                "Expected 'Authorization: DPoP <JWT>'"
            },
            f"DPoP {ALGS}",
        ),
        (
            {"Authorization": "DPoP TOKEN"},
            {"msg": "DPoP proof: exactly one header DPoP is needed", "error": "invalid_dpop_proof"},
            'DPoP error="invalid_dpop_proof", error_description="DPoP proof: '
            f'exactly one header DPoP is needed", {ALGS}',
        ),
        (
            {"Authorization": f"DPoP {token()}"},
            {"msg": "The token is bound to no key", "error": "invalid_token"},
            f'DPoP error="invalid_token", error_description="The token is bound to no key", {ALGS}',
        ),
        (
            {"Authorization": f"DPoP {token(exp=1)}"},
            {"msg": "Token has expired"},
            f'DPoP error="invalid_token", {ALGS}',
        ),
    ],
    ids=["no token", "no proof", "not bound", "expired"],
)
async def test_a_refusal_says_what_is_needed(
    headers: dict[str, str], body: dict[str, str], challenge: str
) -> None:
    app, key = build(), Key()
    access = (await signed_in(app, key))["access_token"]
    sent = {name: value.replace("TOKEN", access) for name, value in headers.items()}

    assert await send(app, "GET", "/me", sent) == (401, body, challenge)


async def test_in_a_body_too_a_token_needs_what_the_route_wants() -> None:
    app, key = build(), Key()
    bound = (await signed_in(app, key))["access_token"]

    async def answer(path: str, access: str, *, proof: bool) -> int:
        headers = {"DPoP": key.proof(path, "POST", about=access)} if proof else {}
        return (await send(app, "POST", path, headers, json={"access_token": access}))[0]

    for path, access, proof, status in [
        ("/json", bound, True, 200),
        ("/json", bound, False, 401),
        ("/json", token(), True, 401),
        ("/json/bearer", bound, True, 401),
        ("/json/bearer", bound, False, 401),
        ("/json/bearer", token(), False, 200),
    ]:
        assert await answer(path, access, proof=proof) == status, (path, access, proof)


async def test_the_scheme_is_for_bound_tokens_alone() -> None:
    sent = credentials(Key(), token(), "/either")

    status, body, _ = await send(build(), "GET", "/either", sent)

    assert (status, body["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("value", ["DPoP", "DPoP a b"])
async def test_a_malformed_header_is_answered_as_with_bearer(value: str) -> None:
    answer = await send(build(), "GET", "/me", {"Authorization": value})

    assert answer[:2] == (
        422,
        {"msg": "Bad Authorization header. Expected 'Authorization: DPoP <JWT>'"},
    )


async def test_the_scheme_is_written_in_any_case() -> None:
    app, key = build(), Key()
    access = (await signed_in(app, key))["access_token"]

    for path in ("/me", "/either"):
        sent = credentials(key, access, path) | {"Authorization": f"dpop {access}"}
        assert (await send(app, "GET", path, sent))[0] == 200


async def test_bearer_tokens_pass_where_both_are_taken() -> None:
    app = build()
    sent = {"Authorization": f"Bearer {token()}"}

    assert [(await send(app, "GET", path, sent))[0] for path in ("/either", "/bearer", "/me")] == [
        200,
        200,
        401,
    ]
    assert (await send(app, "GET", "/maybe", {}))[:2] == (200, {"me": None})


async def test_rotation_needs_the_key_and_keeps_the_binding() -> None:
    app, key, thief = build(), Key(), Key()
    first = await signed_in(app, key)

    async def rotate(by: Key | None, scheme: str = "") -> Answer:
        headers = {} if by is None else {"DPoP": by.proof("/refresh", "POST")}
        if scheme:
            headers["Authorization"] = f"{scheme} {first['refresh_token']}"
            return await send(app, "POST", "/refresh", headers)
        sent = {"refresh_token": first["refresh_token"]}
        return await send(app, "POST", "/refresh", headers, json=sent)

    for stolen in [(None, ""), (None, "Bearer"), (key, "Bearer"), (thief, ""), (thief, "DPoP")]:
        assert (await rotate(*stolen))[0] in {400, 401}
    status, second, _ = await rotate(key)
    assert (status, second["token_type"]) == (200, "DPoP")
    status, again, _ = await rotate(key, "DPoP")
    assert (status, again["refresh_token"]) == (200, second["refresh_token"])
    access = second["access_token"]
    assert (await send(app, "GET", "/me", credentials(key, access)))[0] == 200
    assert (await send(app, "GET", "/me", {"Authorization": f"Bearer {access}"}))[0] == 401


async def test_a_refresh_tokens_proof_may_be_about_it_but_about_no_other() -> None:
    app, key = build(), Key()
    tokens = await signed_in(app, key)
    sent = {"refresh_token": tokens["refresh_token"]}
    wrong = {"DPoP": key.proof("/refresh", "POST", about="another")}
    right = {"DPoP": key.proof("/refresh", "POST", about=tokens["refresh_token"])}

    assert (await send(app, "POST", "/refresh", wrong, json=sent))[0] in {400, 401}
    assert (await send(app, "POST", "/refresh", right, json=sent))[0] == 200


@pytest.mark.parametrize("path", ["/login/optional", "/stateless"])
async def test_binding_is_left_to_the_client_where_it_is_optional(path: str) -> None:
    app, key = build(), Key()
    _, bearer, _ = await send(app, "POST", path, {})
    _, bound, _ = await send(app, "POST", path, {"DPoP": key.proof(path, "POST")})
    status, body, _ = await send(app, "POST", path, {"DPoP": key.proof("/x", "POST")})

    assert (status, body["error"]) == (400, "invalid_dpop_proof")
    sent = {"Authorization": f"Bearer {bearer['access_token']}"}
    assert (await send(app, "GET", "/bearer", sent))[0] == 200
    sent = credentials(key, bound["access_token"], "/either")
    assert (await send(app, "GET", "/either", sent))[0] == 200


@pytest.mark.parametrize("cnf", [{"jkt": None}, {"jkt": 7}, {"jkt": ["x"]}, {"jkt": ""}])
async def test_a_strange_binding_is_refused(cnf: Any) -> None:
    app, key = build(), Key()
    access = token(cnf=cnf)

    for path in ("/me", "/either", "/bearer"):
        for scheme in ("Bearer", "DPoP"):
            sent = credentials(key, access, path) | {"Authorization": f"{scheme} {access}"}
            assert (await send(app, "GET", path, sent))[0] == 401


@pytest.mark.parametrize("cnf", [{}, {"x5t#S256": "x"}, "jkt", None, ["jkt"], 7])
async def test_another_kind_of_confirmation_is_none_of_ours(cnf: Any) -> None:
    access = token(cnf=cnf)

    assert (await send(build(), "GET", "/bearer", {"Authorization": f"Bearer {access}"}))[0] == 200


async def test_a_callback_can_answer() -> None:
    app = build()
    manager: JWTManager = app.extensions["flask-jwt-extended"]

    @manager.invalid_token_loader
    async def answer(text: str) -> tuple[dict[str, str], int]:
        return {"detail": text}, 401

    status, body, challenge = await send(app, "GET", "/me", {"Authorization": f"DPoP {token()}"})

    assert (status, body) == (401, {"detail": "The token is bound to no key"})
    assert challenge is not None
    assert challenge.startswith('DPoP error="invalid_token"')


async def test_without_use_dpop_it_is_a_mistake_of_the_program() -> None:
    app = Quart("none")
    app.config["JWT_SECRET_KEY"] = KEY
    JWTManager(app)
    async with app.test_request_context("/"):
        with pytest.raises(RuntimeError, match="use_dpop"):
            await ours.verify_jwt_in_request(dpop=True)
        with pytest.raises(RuntimeError, match="use_dpop"):
            await ours.dpop_claims()
    async with app.app_context():
        with pytest.raises(RuntimeError, match="request"):
            await ours.dpop_claims()


@pytest.mark.parametrize(
    "arguments",
    [
        {"algorithms": []},
        {"algorithms": ["HS256"]},
        {"algorithms": ["ES256", "none"]},
        {"max_age": 0},
        {"max_age": timedelta(seconds=-1)},
        {"origins": ["api.example.org"]},
        {"origins": ["ftp://example.org"]},
        {"origins": ["https://"]},
    ],
)
def test_settings_that_make_no_sense_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"DPoP|proof|address"):
        JWTManager().use_dpop(MemorySessionStore(), **arguments)


async def test_only_the_algorithms_chosen_are_taken() -> None:
    app = build(algorithms=["EdDSA"])
    sent = {"DPoP": Key().proof("/login", "POST")}
    assert (await send(app, "POST", "/login", sent))[0] == 400
    await signed_in(app, KEYS["EdDSA"]())
