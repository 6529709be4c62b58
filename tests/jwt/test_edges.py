"""Edges of what callbacks are given and give, and of claims that are no usual ones."""

from __future__ import annotations

from typing import Any

import pytest

import quartapp.jwt as ours
from quartapp.jwt import JWTManager
from tests.jwt.support import bearer, build, signed_raw, token


async def test_a_callback_for_an_expired_token_gets_all_claims() -> None:
    app = build()
    manager: JWTManager = app.extensions["flask-jwt-extended"]

    def expired(_header: dict[str, Any], payload: dict[str, Any]) -> tuple[dict[str, Any], int]:
        return {name: payload[name] for name in ("sub", "type", "fresh", "jti")}, 401

    manager.expired_token_loader(expired)
    bare = signed_raw(b'{"sub": "bob", "exp": 1}')
    response = await app.test_client().get("/protected", headers=dict(bearer(bare)))
    assert response.status_code == 401
    assert await response.get_json() == {
        "sub": "bob",
        "type": "access",
        "fresh": False,
        "jti": None,
    }


async def test_a_loader_of_claims_or_headers_may_give_nothing() -> None:
    app = build()
    manager: JWTManager = app.extensions["flask-jwt-extended"]
    manager.additional_claims_loader(lambda _identity: None)
    manager.additional_headers_loader(lambda _identity: None)
    async with app.app_context():
        made = await ours.create_access_token("bob")
        assert (await ours.decode_token(made))["sub"] == "bob"


async def test_a_user_lookup_that_says_no_is_heard_on_optional_routes() -> None:
    app = build()
    manager: JWTManager = app.extensions["flask-jwt-extended"]

    def lookup(_header: dict[str, Any], _payload: dict[str, Any]) -> None:
        raise ours.exceptions.NoAuthorizationError("from the lookup")

    manager.user_lookup_loader(lookup)

    response = await app.test_client().get("/optional", headers=dict(bearer(token())))
    assert (response.status_code, await response.get_json()) == (401, {"msg": "from the lookup"})


@pytest.mark.parametrize(("fresh", "status"), [(10**400, 200), (-(10**400), 401)])
async def test_a_fresh_claim_beyond_all_floats_is_no_failure(fresh: int, status: int) -> None:
    response = await build().test_client().get("/fresh", headers=dict(bearer(token(fresh=fresh))))
    assert response.status_code == status
