"""One's own password and sessions."""

from __future__ import annotations

import pytest
from quart import Quart

from quartapp.jwt import start_session
from quartapp.testing import User
from quartapp.web.api.tokens import NAME
from tests.web.api.conftest import Api, MakeApi
from tests.web.api.test_auth import sign_in

NEW = "quite another one 42"


async def test_a_changed_password_ends_all_other_sessions(app: Quart, user: User) -> None:
    here = Api(app, (await sign_in(app, user))["access_token"])
    elsewhere = Api(app, (await sign_in(app, user))["access_token"])

    done = await here.put("/me/password", json={"current": user.password, "new": NEW})

    assert (done.status_code, await done.get_data()) == (204, b"")
    assert (await here.get("/me")).status_code == 200
    assert (await elsewhere.get("/me")).status_code == 401
    await sign_in(app, User(user.id, user.username, NEW))


async def test_a_password_that_cannot_be_is_refused_with_the_reason(app: Quart, user: User) -> None:
    api = Api(app, (await sign_in(app, user))["access_token"])

    async def codes(current: str, new: str) -> dict[str, str]:
        answer = await api.put("/me/password", json={"current": current, "new": new})
        assert answer.status_code == 422
        return {error["pointer"]: error["code"] for error in (await answer.get_json())["errors"]}

    assert await codes(user.password, "short") == {"/new": "too-short"}
    assert await codes(user.password, "x" * 129) == {"/new": "too-long"}
    assert await codes(user.password, "password123") == {"/new": "common"}
    assert await codes("wrong", NEW) == {"/current": "wrong-password"}
    assert await codes("wrong", "password123") == {"/current": "wrong-password", "/new": "common"}


async def test_one_s_own_sessions_are_listed_and_ended(app: Quart, make_api: MakeApi) -> None:
    api, other = await make_api(username="ann"), await make_api(username="bob")
    async with app.app_context():
        second = await start_session(f"{api.account_id}:ann", device="tablet", manager=NAME)

    listed = (await (await api.get("/me/sessions")).get_json())["items"]
    assert {each["id"]: each["current"] for each in listed} == {
        api.session_id: True,
        second.session_id: False,
    }
    assert "tablet" in {each["device"] for each in listed}

    for unknown in (other.session_id, "none", "0" * 32, "%00", "💥"):
        assert (await api.delete(f"/me/sessions/{unknown}")).status_code == 404
    assert (await api.delete(f"/me/sessions/{second.session_id}")).status_code == 204
    assert (await api.delete(f"/me/sessions/{second.session_id}")).status_code == 404
    assert (await other.get("/me")).status_code == 200


async def test_all_other_sessions_are_ended_at_once(app: Quart, api: Api) -> None:
    async with app.app_context():
        for _ in range(2):
            await start_session(f"{api.account_id}:ann", manager=NAME)

    assert await (await api.delete("/me/sessions")).get_json() == {"ended": 2}
    assert len((await (await api.get("/me/sessions")).get_json())["items"]) == 1


async def test_ending_the_very_session_signs_out(api: Api) -> None:
    assert (await api.delete(f"/me/sessions/{api.session_id}")).status_code == 204
    assert (await api.get("/me")).status_code == 401


@pytest.mark.parametrize("path", ["/me", "/me/sessions", "/houses", "/houses.csv"])
async def test_no_cache_that_people_share_keeps_an_answer(api: Api, path: str) -> None:
    answer = await api.get(path)

    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in answer.headers["Vary"]
