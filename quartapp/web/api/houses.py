"""Houses: find, create, read, replace, patch, delete."""

from __future__ import annotations

from quart import Blueprint, Response, url_for

from quartapp.db.retry import retried
from quartapp.houses import search as finding
from quartapp.houses import service as houses
from quartapp.houses.models import House
from quartapp.web.api import conditions, links
from quartapp.web.api.house_models import (
    HouseIn,
    HouseItem,
    HouseOut,
    HousePage,
    HousePatch,
    HouseQuery,
    NewHouse,
)
from quartapp.web.api.once import Once, once
from quartapp.web.api.operations import (
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    JSON,
    MERGE_PATCH,
    Answer,
    Json,
    Operation,
    answer,
    nothing,
)
from quartapp.web.api.tokens import caller
from quartapp.web.db import reading, writing
from quartapp.web.registry import delete_house

bp = Blueprint("houses", __name__)

MISSING = "There is no such house."
CHANGED = "The house has another ETag by now."
EXAMPLE = {
    "id": "0199f0a2-6f5e-7cc3-9f2a-1d1f6a7b8c9d",
    "projectNo": "SZ-2026-0142",
    "projectName": "福田中心区改造",
    "projectAddress": "深圳市福田区",
}


@bp.get("/houses")
@Operation(
    id="listHouses",
    summary="Find houses",
    scopes=["houses:read"],
    query=HouseQuery,
    answers={200: Answer("A page of houses.", HousePage, headers=["Link"])},
)
async def list_houses(query: HouseQuery) -> Response:
    """Find houses, by pages or by cursors."""
    search, size = query.search(), query.size
    async with reading(statement_timeout=finding.SECONDS) as db:
        found: links.Found
        if query.cursor is None:
            found = await finding.page(db, search, number=query.page, size=size)
        else:
            backward, cursor = links.read(query.cursor)
            go_on = finding.before if backward else finding.after
            found = await go_on(db, search, cursor=cursor, size=size)
    items = [HouseItem.model_validate(house, from_attributes=True) for house in found.items]
    return links.paged(HousePage, found, items, include=query.wanted())


@bp.post("/houses")
@Operation(
    id="createHouse",
    summary="Create a house",
    scopes=["houses:write"],
    body=Json(NewHouse, example=EXAMPLE),
    headers=[IDEMPOTENCY_KEY],
    answers={201: Answer("The new house.", HouseOut, headers=["Location", "ETag"])},
    refusals={409: "There is a house of that id, or the first request with the key still runs."},
)
async def create_house(body: NewHouse) -> Response:
    """Create a house."""
    async with once(body.model_dump_json(exclude_unset=True)) as attempt:
        if attempt.kept:
            return attempt.kept
        return await _create(attempt, body)


@bp.get("/houses/<house:house_id>")
@Operation(
    id="readHouse",
    summary="Read a house",
    scopes=["houses:read"],
    headers=[IF_NONE_MATCH],
    answers={
        200: Answer("The house.", HouseOut, headers=["ETag"]),
        304: Answer("It is still the one with that ETag.", headers=["ETag"]),
    },
    refusals={404: MISSING},
)
async def read_house(house_id: str) -> Response:
    """Read a house."""
    async with reading() as db:
        house = await houses.get(db, id=house_id)
    fingerprint = houses.fingerprint(house)
    if conditions.is_known(fingerprint):
        return conditions.not_modified(fingerprint)
    return _house(house)


@bp.put("/houses/<house:house_id>")
@Operation(
    id="replaceHouse",
    summary="Replace a house",
    scopes=["houses:write"],
    body=Json(HouseIn, example={n: v for n, v in EXAMPLE.items() if n != "id"}),
    headers=[IF_MATCH],
    answers={200: Answer("The house as it is now.", HouseOut, headers=["ETag"])},
    refusals={404: MISSING, 412: CHANGED},
)
async def replace_house(house_id: str, body: HouseIn) -> Response:
    """Put other values in place of all values of a house."""
    return await _change(house_id, body.model_dump())


@bp.patch("/houses/<house:house_id>")
@Operation(
    id="changeHouse",
    summary="Change some values of a house",
    scopes=["houses:write"],
    body=Json(HousePatch, media=(MERGE_PATCH, JSON), example={"projectName": "福田区"}),
    headers=[IF_MATCH],
    answers={200: Answer("The house as it is now.", HouseOut, headers=["ETag"])},
    refusals={404: MISSING, 412: CHANGED},
)
async def change_house(house_id: str, body: HousePatch) -> Response:
    """Change the values that are named."""
    return await _change(house_id, body.model_dump(exclude_unset=True))


@bp.delete("/houses/<house:house_id>")
@Operation(
    id="deleteHouse",
    summary="Delete a house and its files",
    scopes=["houses:write"],
    headers=[IF_MATCH],
    answers={204: Answer("It is gone, and its files with it.")},
    refusals={404: MISSING, 412: CHANGED},
)
async def remove_house(house_id: str) -> Response:
    """Delete a house."""
    expected = await conditions.expected(house_id)
    await delete_house(id=house_id, expected=expected, by=caller().actor)
    return nothing()


@retried
async def _create(attempt: Once, body: NewHouse) -> Response:
    async with writing() as db:
        house = await houses.create(db, **body.model_dump(), by=caller().actor)
        done = _house(house, 201)
        done.headers["Location"] = url_for("api.houses.read_house", house_id=house.id)
        await attempt.keep(db, done)
    return done


@retried
async def _change(house_id: str, changes: dict[str, str | None]) -> Response:
    expected = await conditions.expected(house_id)
    async with writing() as db:
        house = await houses.update(
            db, id=house_id, changes=changes, expected=expected, by=caller().actor
        )
    return _house(house)


def _house(house: House, status: int = 200) -> Response:
    headers = {"ETag": conditions.etag(houses.fingerprint(house))}
    return answer(HouseOut.of(house), status, headers=headers)
