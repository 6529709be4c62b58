"""Sign in, refresh, revoke."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from quart import Quart

from quartapp.accounts import service as accounts
from quartapp.accounts.models import Account
from quartapp.audit.service import Actor
from quartapp.jwt import KeyFile, create_access_token, decode_token, get_unverified_jwt_headers
from quartapp.testing import MakeUser, User, temporary_app
from quartapp.web.api import auth
from quartapp.web.api.tokens import AUDIENCE, ISSUER, NAME
from quartapp.web.db import app_database
from quartapp.web.login import authenticate
from tests.web.api.conftest import Api, api_for

SOMEBODY = Actor(None, "test")


async def sign_in(app: Quart, user: User, **more: Any) -> dict[str, Any]:
    answer = await Api(app, "").post(
        "/auth/sign-in", json={"username": user.username, "password": user.password, **more}
    )
    assert answer.status_code == 200
    tokens: dict[str, Any] = await answer.get_json()
    return tokens


async def test_who_signs_in_gets_two_tokens_that_nobody_keeps(app: Quart, user: User) -> None:
    answer = await Api(app, "").post(
        "/auth/sign-in", json={"username": user.username, "password": user.password}
    )

    tokens = await answer.get_json()
    assert answer.headers["Cache-Control"] == "no-store"
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
    assert tokens["scope"] == "houses:read houses:write files:write"
    me = await (await Api(app, tokens["access_token"]).get("/me")).get_json()
    assert (me["id"], me["username"], me["admin"]) == (user.id, user.username, False)
    assert sorted(me["scopes"]) == sorted(tokens["scope"].split())


async def test_a_form_with_the_same_fields_signs_in_too(app: Quart, user: User) -> None:
    form = {"username": user.username, "password": user.password, "device": "a script"}
    answer = await Api(app, "").post("/auth/sign-in", form=form)

    api = Api(app, (await answer.get_json())["access_token"])
    [session] = (await (await api.get("/me/sessions")).get_json())["items"]
    assert (session["device"], session["current"]) == ("a script", True)


async def test_tokens_say_for_whom_they_are_and_are_signed_by_the_key_file(
    app: Quart, user: User
) -> None:
    tokens = await sign_in(app, user)

    async with app.test_request_context("/"):
        claims = await decode_token(tokens["access_token"], manager=NAME)
    header = get_unverified_jwt_headers(tokens["access_token"])
    assert (claims["iss"], claims["aud"]) == (ISSUER, AUDIENCE)
    assert claims["sub"] == f"{user.id}:{user.username}"
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    keys = await (await app.test_client().get("/.well-known/jwks.json")).get_json()
    assert header["kid"] in {key["kid"] for key in keys["keys"]}


async def test_unknown_name_wrong_password_and_disabled_account_are_answered_alike(
    app: Quart, make_user: MakeUser
) -> None:
    ann, bob = await make_user(username="ann"), await make_user(username="bob")
    async with app_database(app).writing() as db:
        await accounts.disable(db, id=bob.id, by=SOMEBODY)

    answers = []
    for name, password in (("nobody", "x"), (ann.username, "x"), (bob.username, bob.password)):
        answer = await Api(app, "").post(
            "/auth/sign-in", json={"username": name, "password": password}
        )
        assert answer.status_code == 401
        problem = await answer.get_json()
        answers.append((problem["code"], problem["detail"], answer.headers["WWW-Authenticate"]))
    assert answers == [("wrong-credentials", "The name or the password is wrong.", "Bearer")] * 3


async def test_a_refresh_token_in_header_or_body_gives_new_tokens_once(
    app: Quart, user: User
) -> None:
    tokens = await sign_in(app, user)

    first = await Api(app, tokens["refresh_token"]).post("/auth/refresh")
    second_token = (await first.get_json())["refresh_token"]
    second = await _anonymous(app, "/auth/refresh", {"refresh_token": second_token})

    assert (first.status_code, second.status_code) == (200, 200)
    assert first.headers["Cache-Control"] == second.headers["Cache-Control"] == "no-store"
    newest = await second.get_json()
    assert (await Api(app, newest["access_token"]).get("/me")).status_code == 200
    # The first one again is two steps back: somebody has copied it.
    assert (await Api(app, tokens["refresh_token"]).post("/auth/refresh")).status_code == 401
    assert (await Api(app, newest["access_token"]).get("/me")).status_code == 401


async def test_of_parallel_refreshes_all_get_the_same_next_token_within_the_grace(
    app: Quart, user: User
) -> None:
    tokens = await sign_in(app, user)
    api = Api(app, tokens["refresh_token"])

    answers = await asyncio.gather(*(api.post("/auth/refresh") for _ in range(5)))

    assert {answer.status_code for answer in answers} == {200}
    async with app.test_request_context("/"):
        ids = {
            (await decode_token((await answer.get_json())["refresh_token"], manager=NAME))["jti"]
            for answer in answers
        }
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"refresh_token": 1}, 422),
        ({"refresh_token": ""}, 422),
        ({"refresh_token": "a\nb"}, 422),
        ({"refresh_token": "x.y.z"}, 401),
        ({"refresh_token": "x" * 10_000}, 401),
        ({"refresh_token": "x.y.z", "more": 1}, 422),
    ],
)
async def test_what_is_no_refresh_token_is_refused(
    app: Quart, body: dict[str, Any], status: int
) -> None:
    assert (await _anonymous(app, "/auth/refresh", body)).status_code == status


async def test_each_kind_of_token_is_good_for_its_own_routes(app: Quart, user: User) -> None:
    tokens = await sign_in(app, user)

    assert (await Api(app, tokens["refresh_token"]).get("/me")).status_code == 401
    assert (await Api(app, tokens["access_token"]).post("/auth/refresh")).status_code == 401
    answer = await Api(app, "").get("/me", headers={"Authorization": ""})
    assert (await answer.get_json())["code"] == "token-missing"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_role_that_changed_shows_in_the_next_tokens(
    app: Quart, make_user: MakeUser
) -> None:
    user = await make_user(username="ann")
    tokens = await sign_in(app, user)
    async with app_database(app).writing() as db:
        await accounts.set_admin(db, id=user.id, is_admin=True, by=SOMEBODY)

    assert (await Api(app, tokens["refresh_token"]).post("/auth/refresh")).status_code == 401
    assert (await sign_in(app, user))["scope"].endswith(" admin")


async def test_who_loses_a_role_while_signing_in_gets_no_token_for_it(
    app: Quart, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_user(username="root", admin=True)
    user = await make_user(username="ann", admin=True)

    async def authenticate_and_change(username: str, password: str) -> Account | None:
        account = await authenticate(username, password)
        async with app_database(app).writing() as db:
            await accounts.set_admin(db, id=user.id, is_admin=False, by=SOMEBODY)
        return account

    monkeypatch.setattr(auth, "authenticate", authenticate_and_change)
    tokens = await sign_in(app, user)

    assert tokens["scope"] == "houses:read houses:write files:write"
    assert (await Api(app, tokens["access_token"]).get("/people")).status_code == 403


async def test_a_disabled_account_is_out_at_once(app: Quart, user: User) -> None:
    tokens = await sign_in(app, user)
    async with app_database(app).writing() as db:
        await accounts.disable(db, id=user.id, by=SOMEBODY)

    assert (await Api(app, tokens["access_token"]).get("/me")).status_code == 401
    assert (await Api(app, tokens["refresh_token"]).post("/auth/refresh")).status_code == 401


@pytest.mark.parametrize("first", ["refresh", "me"])
async def test_the_session_of_an_account_that_is_gone_ends_when_it_shows(
    app: Quart, user: User, first: str
) -> None:
    tokens = await sign_in(app, user)
    async with app_database(app).writing() as db:
        account = await accounts.get(db, id=user.id)
        await db.delete(account)  # by another program, which knows nothing of sessions

    if first == "me":
        assert (await Api(app, tokens["access_token"]).get("/me")).status_code == 401
    assert (await Api(app, tokens["refresh_token"]).post("/auth/refresh")).status_code == 401
    assert (await Api(app, tokens["access_token"]).get("/me/sessions")).status_code == 401


async def test_a_revoked_access_token_is_refused_and_its_session_lives(
    app: Quart, user: User
) -> None:
    tokens = await sign_in(app, user)
    api = Api(app, tokens["access_token"])

    assert (await api.post("/auth/revoke")).status_code == 204
    assert (await api.get("/me")).status_code == 401
    assert (await Api(app, tokens["refresh_token"]).post("/auth/refresh")).status_code == 200


async def test_a_revoked_refresh_token_takes_its_session_along(app: Quart, user: User) -> None:
    tokens = await sign_in(app, user)
    refresh = Api(app, tokens["refresh_token"])

    assert (await refresh.post("/auth/revoke")).status_code == 204
    assert (await refresh.post("/auth/refresh")).status_code == 401
    assert (await Api(app, tokens["access_token"]).get("/me")).status_code == 401


async def test_neither_face_takes_the_other_s_tokens(app: Quart, user: User) -> None:
    tokens = await sign_in(app, user)
    async with app.test_request_context("/"):
        of_lessons = await create_access_token(user.username)
    dashboard = "/lessons/jwt/dashboard"

    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await app.test_client().get(dashboard, headers=headers)).status_code == 422
    headers = {"Authorization": f"Bearer {of_lessons}"}
    assert (await app.test_client().get(dashboard, headers=headers)).status_code == 200
    assert (await Api(app, of_lessons).get("/me")).status_code == 401


async def test_tokens_are_taken_from_the_header_alone(app: Quart) -> None:
    api = await api_for(app)
    token, bare = api.token, Api(app, "")

    nothing = {"Authorization": ""}
    assert (await bare.get(f"/me/sessions?jwt={token}", headers=nothing)).status_code == 401
    cookie = {"Cookie": f"api_access_token_cookie={token}"}
    assert (await bare.get("/me/sessions", headers=nothing | cookie)).status_code == 401


async def _anonymous(app: Quart, path: str, body: dict[str, Any]) -> Any:
    return await app.test_client().post(f"/api/v1{path}", json=body)


async def test_a_key_file_that_is_there_is_used_where_nobody_may_write(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    path = folder / "keys.json"
    await asyncio.to_thread(KeyFile(path).make, "EdDSA")
    (folder / "keys.json.lock").unlink()
    async with temporary_app(jwt_keys_file=path) as app:
        api = await api_for(app)
        assert get_unverified_jwt_headers(api.token)["alg"] == "EdDSA"
        assert (await api.get("/me")).status_code == 200
    assert [each.name for each in folder.iterdir()] == ["keys.json"]
