"""Idempotency-Key: a creation that was acknowledged is never repeated."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from quart import Quart
from sqlalchemy import func, select

from quartapp.db.database import Database
from quartapp.houses import service as houses
from quartapp.houses.models import House
from quartapp.idempotency import service
from quartapp.idempotency.models import IdempotencyKey
from tests.web.api.conftest import Api, MakeApi

KEY = {"Idempotency-Key": "a-key"}


async def count(database: Database, column: Any = House.id) -> int:
    async with database.reading() as db:
        return await db.scalar(select(func.count(column))) or 0


async def test_the_same_request_again_gets_the_same_answer(api: Api, database: Database) -> None:
    first = await api.post("/houses", json={"projectNo": "x"}, headers=KEY)
    second = await api.post("/houses", data=b'{ "projectNo":"x" }', headers=KEY | JSON)

    assert (first.status_code, second.status_code) == (201, 201)
    assert await first.get_data() == await second.get_data()
    for name in ("Content-Type", "Location", "ETag"):
        assert first.headers[name] == second.headers[name]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
    assert await count(database) == 1


JSON = {"Content-Type": "application/json"}


async def test_the_same_key_with_another_body_is_refused(api: Api, database: Database) -> None:
    await api.post("/houses", json={"projectNo": "x"}, headers=KEY)

    for other in ({"projectNo": "y"}, {}, {"projectNo": "x", "projectName": None}):
        answer = await api.post("/houses", json=other, headers=KEY)
        assert answer.status_code == 422
        assert (await answer.get_json())["code"] == "idempotency-key-reused"
    assert await count(database) == 1


async def test_the_same_key_of_somebody_else_or_elsewhere_is_another(
    api: Api, make_api: MakeApi, database: Database
) -> None:
    other = await make_api()
    csv = b"id,project_no,project_name,project_address\nh,,,\n"

    assert (await api.post("/houses", json={}, headers=KEY)).status_code == 201
    assert (await other.post("/houses", json={}, headers=KEY)).status_code == 201
    headers = KEY | {"Content-Type": "text/csv"}
    assert (await api.post("/houses.csv", data=csv, headers=headers)).status_code == 200
    assert await count(database) == 3


async def test_twenty_at_once_create_one_house(api: Api, database: Database) -> None:
    answers = await asyncio.gather(
        *(api.post("/houses", json={"projectNo": "x"}, headers=KEY) for _ in range(20))
    )

    assert await count(database) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    made = {await a.get_data() for a in answers if a.status_code == 201}
    assert len(made) == 1
    for answer in answers:
        if answer.status_code == 409:
            assert (await answer.get_json())["code"] == "idempotency-key-in-use"


async def test_a_refused_request_leaves_its_key_free(api: Api, database: Database) -> None:
    await api.post("/houses", json={"id": "h"})

    assert (await api.post("/houses", json={"id": "h"}, headers=KEY)).status_code == 409
    assert (await api.post("/houses", json={"id": ""}, headers=KEY)).status_code == 422
    assert await count(database, IdempotencyKey.id) == 0
    assert (await api.post("/houses", json={"id": "i"}, headers=KEY)).status_code == 201


async def test_one_that_fails_half_way_has_done_nothing_and_can_be_sent_again(
    app: Quart, api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise service.StillRunning("taken over meanwhile")

    with monkeypatch.context() as patch:
        patch.setattr(service, "keep", fail)
        assert (await api.post("/houses", json={}, headers=KEY)).status_code == 409
    assert await count(database) == 0

    assert (await api.post("/houses", json={}, headers=KEY)).status_code == 201


async def test_a_client_that_hangs_up_in_mid_request_leaves_no_half_work(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, started = houses.create, asyncio.Event()

    async def slow(*args: Any, **kwargs: Any) -> House:
        house = await create(*args, **kwargs)
        started.set()
        await asyncio.sleep(5)
        return house

    headers = KEY | JSON | {"Authorization": f"Bearer {api.token}"}
    with monkeypatch.context() as patch:
        patch.setattr(houses, "create", slow)
        async with api.request("/api/v1/houses", method="POST", headers=headers) as connection:
            await connection.send(b'{"id": "h"}')
            await connection.send_complete()
            await started.wait()
            await connection.disconnect()

    assert await count(database, IdempotencyKey.id) == 0
    assert await count(database) == 0
    assert (await api.post("/houses", json={"id": "h"}, headers=KEY)).status_code == 201


async def test_what_is_no_key_is_refused(api: Api, database: Database) -> None:
    for wrong in ("", " ", "a b", "ä", "x" * 256, "a\tb"):
        answer = await api.post("/houses", json={}, headers={"Idempotency-Key": wrong})
        assert answer.status_code == 400, wrong
    twice = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert (await api.post("/houses", json={}, headers=twice)).status_code == 400
    longest = {"Idempotency-Key": "~" * 255}
    assert (await api.post("/houses", json={}, headers=longest)).status_code == 201
    assert await count(database) == 1


async def test_an_account_is_made_once_and_its_password_is_not_to_be_guessed_from_the_key(
    admin: Api, database: Database
) -> None:
    person = {"username": "bob", "password": "correct horse battery"}
    first = await admin.post("/people", json=person, headers=KEY)
    second = await admin.post("/people", json=person, headers=KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert await first.get_data() == await second.get_data()
    async with database.reading() as db:
        row = (await db.scalars(select(IdempotencyKey))).one()
    assert "correct" not in f"{row.answer}{row.headers}"
