"""One house: create, read, replace, patch, delete, and the conditions on these."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

import pytest
from quart import Quart

from quartapp.audit import service as audit
from quartapp.db.database import Database
from quartapp.jwt import scope_claim, start_session
from quartapp.web.house_path import escaped
from tests.web.api.conftest import Api

SAFE = "!$&'()*+,/:;=@"  # what an address may hold as it is
HOUSE = {
    "id": "SZ-1",
    "projectNo": "2026-0142",
    "projectName": "福田中心区改造",
    "projectAddress": "深圳市福田区",
}


async def test_a_new_house_is_found_where_the_answer_says(api: Api) -> None:
    made = await api.post("/houses", json=HOUSE)

    assert made.status_code == 201
    assert await made.get_json() == HOUSE | {"version": 1, "updatedAt": None}
    assert made.headers["Location"] == "/api/v1/houses/SZ-1"
    found = await api.get("/houses/SZ-1")
    assert await found.get_json() == await made.get_json()
    assert found.headers["ETag"] == made.headers["ETag"]


async def test_a_house_without_an_id_gets_one_that_sorts_behind_the_last(api: Api) -> None:
    ids = [(await (await api.post("/houses", json={})).get_json())["id"] for _ in range(3)]

    assert ids == sorted(ids)
    assert {len(id) for id in ids} == {36}


async def test_an_id_that_is_taken_is_a_conflict_that_names_it(api: Api) -> None:
    await api.post("/houses", json=HOUSE)

    again = await api.post("/houses", json={"id": "SZ-1"})

    assert again.status_code == 409
    [error] = (await again.get_json())["errors"]
    assert (error["pointer"], error["code"]) == ("/id", "taken")


async def test_an_id_of_any_characters_has_an_address(api: Api) -> None:
    for id in ("a/b", "~", ".", "..", "a b?c#d%20", "💥 福田", "\u202eabc", "';--<b>", "\n"):
        made = await api.post("/houses", json={"id": id})

        assert made.status_code == 201, id
        address = made.headers["Location"].removeprefix("/api/v1")
        assert address == f"/houses/{quote(escaped(id), safe=SAFE)}"
        assert (await (await api.get(address)).get_json())["id"] == id
        assert (await api.delete(address)).status_code == 204
        assert (await api.get(address)).status_code == 404


async def test_a_house_that_is_not_there_is_404(api: Api) -> None:
    await api.post("/houses", json=HOUSE)

    for path in ("none", "SZ-1%20", "%00", "~", "~9", "a" * 65):
        for method in ("GET", "DELETE"):
            assert (await api.open(f"/houses/{path}", method=method)).status_code == 404
        for method in ("PUT", "PATCH"):
            assert (await api.open(f"/houses/{path}", method=method, json={})).status_code == 404


async def test_put_replaces_all_and_what_is_not_named_is_null(api: Api) -> None:
    await api.post("/houses", json=HOUSE)

    done = await api.put("/houses/SZ-1", json={"projectName": "x"})

    assert done.status_code == 200
    now = await done.get_json()
    assert now["version"] == 2
    assert now["updatedAt"].endswith("Z")
    assert (now["projectNo"], now["projectName"], now["projectAddress"]) == (None, "x", None)


@pytest.mark.parametrize("media", ["application/json", "application/merge-patch+json"])
async def test_patch_changes_what_is_named_and_null_takes_away(api: Api, media: str) -> None:
    await api.post("/houses", json=HOUSE)

    data = b'{"projectName": "x", "projectNo": null}'
    done = await api.patch("/houses/SZ-1", data=data, headers={"Content-Type": media})

    now = await done.get_json()
    assert (now["projectNo"], now["projectName"]) == (None, "x")
    assert now["projectAddress"] == HOUSE["projectAddress"]


async def test_a_patch_that_changes_nothing_leaves_version_and_etag(api: Api) -> None:
    made = await api.post("/houses", json=HOUSE)

    done = await api.patch("/houses/SZ-1", json={"projectNo": HOUSE["projectNo"]})

    assert done.headers["ETag"] == made.headers["ETag"]
    assert (await (await api.patch("/houses/SZ-1", json={})).get_json())["version"] == 1


async def test_what_the_client_knows_is_not_sent_again(api: Api) -> None:
    etag = (await api.post("/houses", json=HOUSE)).headers["ETag"]

    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await api.get("/houses/SZ-1", headers={"If-None-Match": known})
        assert (answer.status_code, await answer.get_data()) == (304, b"")
        assert answer.headers["ETag"] == etag
    for other in ('"other"', "none", ""):
        answer = await api.get("/houses/SZ-1", headers={"If-None-Match": other})
        assert answer.status_code == 200


CONDITIONS = {
    "{etag}": None,
    '"other", {etag}': None,
    "*": None,
    '"other"': 412,
    '"other", "another"': 412,
    "W/{etag}": 412,
    "": 412,
    "none": 400,
    '"a': 400,
    "*, *": 400,
    "{etag} {etag}": 400,
}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_condition_decides_whether_a_house_is_changed(api: Api, method: str) -> None:
    for condition, status in CONDITIONS.items():
        etag = (await api.post("/houses", json={"id": "h"})).headers["ETag"]

        headers = {"If-Match": condition.replace("{etag}", etag)}
        body: dict[str, Any] = {} if method == "DELETE" else {"json": {"projectNo": "x"}}
        done = await api.open("/houses/h", method=method, headers=headers, **body)

        assert done.status_code == (status or (204 if method == "DELETE" else 200)), condition
        if status:
            assert (await api.get("/houses/h")).headers["ETag"] == etag
        if status == 412:
            assert (await done.get_json())["code"] == "changed"
        await api.delete("/houses/h")


async def test_of_many_who_change_the_same_version_one_does(api: Api) -> None:
    etag = (await api.post("/houses", json=HOUSE)).headers["ETag"]

    async def change(number: int) -> int:
        done = await api.patch(
            "/houses/SZ-1", json={"projectNo": str(number)}, headers={"If-Match": etag}
        )
        return int(done.status_code)

    statuses = await asyncio.gather(*map(change, range(8)))

    assert sorted(statuses) == [200, *[412] * 7]
    assert (await (await api.get("/houses/SZ-1")).get_json())["version"] == 2


async def test_who_changed_what_is_written_down(api: Api, database: Database) -> None:
    await api.post("/houses", json=HOUSE)
    await api.patch("/houses/SZ-1", json={"projectNo": "x"})
    await api.delete("/houses/SZ-1")

    async with database.reading() as db:
        entries = await audit.history(db, action="house", subject="SZ-1", limit=9)
    actions = [(entry.action, entry.actor, entry.actor_id) for entry in entries]
    assert actions == [
        ("house.deleted", "ann", api.account_id),
        ("house.changed", "ann", api.account_id),
        ("house.created", "ann", api.account_id),
    ]


async def test_methods_that_a_route_does_not_take_are_refused_with_those_it_does(api: Api) -> None:
    answer = await api.open("/houses/SZ-1", method="POST")

    assert answer.status_code == 405
    assert {"GET", "PUT", "PATCH", "DELETE"} <= set(answer.headers["Allow"].split(", "))
    assert (await answer.get_json())["code"] == "method-not-allowed"
    options = await api.open("/houses", method="OPTIONS")
    assert options.status_code == 200
    assert {"GET", "HEAD", "POST", "OPTIONS"} <= set(options.headers["Allow"].split(", "))


async def test_head_answers_as_get_without_the_body(api: Api) -> None:
    etag = (await api.post("/houses", json=HOUSE)).headers["ETag"]

    head = await api.head("/houses/SZ-1")

    assert (head.status_code, head.headers["ETag"]) == (200, etag)


async def test_a_token_of_fewer_scopes_reads_and_does_not_write(app: Quart, api: Api) -> None:
    async with app.app_context():
        claims = scope_claim("houses:read")
        tokens = await start_session("1:x", additional_claims=claims, manager="api")
    reader = Api(app, tokens.access_token)

    assert (await reader.get("/houses")).status_code == 200
    refused = await reader.post("/houses", json={})
    assert refused.status_code == 403
    assert (await refused.get_json())["code"] == "insufficient-scope"
    assert 'scope="houses:write"' in refused.headers["WWW-Authenticate"]
