"""People, for admins."""

from __future__ import annotations

from typing import Any

import pytest

from quartapp.audit import service as audit
from quartapp.db.database import Database
from tests.web.api.conftest import Api, MakeApi

PERSON = {"username": "bob", "password": "correct horse battery"}


async def errors(answer: Any) -> dict[str, str]:
    return {each["pointer"]: each["code"] for each in (await answer.get_json())["errors"]}


async def test_nobody_but_admins_sees_or_changes_people(api: Api) -> None:
    for path in ("/people", "/people/1", "/people/1/sessions"):
        refused = await api.get(path)
        assert refused.status_code == 403
        assert 'scope="admin"' in refused.headers["WWW-Authenticate"]
    assert (await api.post("/people", json=PERSON)).status_code == 403
    assert (await api.patch("/people/1", json={})).status_code == 403
    assert (await api.delete("/people/1/sessions")).status_code == 403


async def test_an_admin_makes_an_account_that_can_sign_in(admin: Api) -> None:
    made = await admin.post("/people", json=PERSON | {"admin": True})

    person = await made.get_json()
    assert made.status_code == 201
    assert (person["username"], person["admin"], person["disabled"]) == ("bob", True, False)
    assert "password" not in person
    assert made.headers["Location"] == f"/api/v1/people/{person['id']}"
    assert await (await admin.get(f"/people/{person['id']}")).get_json() == person
    listed = (await (await admin.get("/people")).get_json())["items"]
    assert [each["username"] for each in listed] == ["bob", "root"]
    signed_in = await Api(admin.app, "").post("/auth/sign-in", json=PERSON)
    assert "admin" in (await signed_in.get_json())["scope"].split()


async def test_everything_that_is_wrong_with_a_new_account_is_told_at_once(admin: Api) -> None:
    wrong = {"username": " bob", "password": "password123"}
    answer = await admin.post("/people", json=wrong)
    assert answer.status_code == 422
    assert await errors(answer) == {"/username": "spaces", "/password": "common"}

    taken = await admin.post("/people", json=PERSON | {"username": "root"})
    assert taken.status_code == 409
    assert await errors(taken) == {"/username": "taken"}


async def test_a_disabled_person_is_out_and_an_enabled_one_may_come_again(
    admin: Api, make_api: MakeApi
) -> None:
    bob = await make_api(username="bob")
    address = f"/people/{bob.account_id}"

    done = await admin.patch(address, json={"disabled": True})
    assert (await done.get_json())["disabled"] is True
    assert (await bob.get("/me")).status_code == 401
    again = await admin.patch(address, json={"disabled": False})
    assert (await again.get_json())["disabledAt"] is None


async def test_a_new_password_and_a_role_come_together_or_not_at_all(
    admin: Api, make_api: MakeApi, database: Database
) -> None:
    bob = await make_api(username="bob")

    common = {"password": "password123", "admin": True}
    assert (await admin.patch(f"/people/{bob.account_id}", json=common)).status_code == 422
    assert (await bob.get("/me")).status_code == 200

    good = {"password": PERSON["password"], "admin": True}
    assert (await admin.patch(f"/people/{bob.account_id}", json=good)).status_code == 200
    assert (await bob.get("/me")).status_code == 401
    signed_in = await Api(admin.app, "").post("/auth/sign-in", json=PERSON)
    assert "admin" in (await signed_in.get_json())["scope"]
    async with database.reading() as db:
        entries = await audit.latest(db, limit=2)
    assert {entry.action for entry in entries} == {"account.password", "account.admin"}
    assert {entry.actor for entry in entries} == {"root"}


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"admin": False}, {"password": "correct horse battery"}]
)
async def test_nobody_locks_themselves_out(admin: Api, change: dict[str, Any]) -> None:
    refused = await admin.patch(f"/people/{admin.account_id}", json=change)

    assert refused.status_code == 409
    assert (await admin.get("/me")).status_code == 200


async def test_the_sessions_of_a_person_are_seen_and_ended(admin: Api, make_api: MakeApi) -> None:
    bob = await make_api(username="bob")
    address = f"/people/{bob.account_id}/sessions"

    [session] = (await (await admin.get(address)).get_json())["items"]
    assert (session["id"], session["current"]) == (bob.session_id, False)
    assert await (await admin.delete(address)).get_json() == {"ended": 1}
    assert (await bob.get("/me")).status_code == 401


async def test_an_account_that_is_not_there_is_404(admin: Api) -> None:
    for id in ("999", "0", "99999999999999999999", "x", "-1", "1.0"):
        assert (await admin.get(f"/people/{id}")).status_code == 404
        assert (await admin.patch(f"/people/{id}", json={})).status_code == 404
        assert (await admin.get(f"/people/{id}/sessions")).status_code == 404
        assert (await admin.delete(f"/people/{id}/sessions")).status_code == 404
