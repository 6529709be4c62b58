"""Houses: made, found, removed, and counted in pages."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import Row

from quartapp.audit import service as audit
from quartapp.audit.service import Actor
from quartapp.core.errors import Changed, Conflict, Invalid, NotFound
from quartapp.core.paging import Page
from quartapp.db.database import Database
from quartapp.houses import service
from quartapp.houses.demo import sow_houses
from quartapp.houses.models import House

ANN, BOB = Actor(1, "ann"), Actor(2, "bob")
IDS = ["1", "a1", "A1", "ä", "阳光", "😀", "with space", "a/b", "%", "'; --", "i" * 64]


async def create(
    database: Database,
    id: str,
    no: str | None = None,
    name: str | None = None,
    address: str | None = None,
) -> None:
    async with database.writing() as db:
        await service.create(
            db, id=id, project_no=no, project_name=name, project_address=address, by=ANN
        )


async def page(
    database: Database, number: int = 1, size: int = 20, name: str | None = None
) -> Page[Row[Any]]:
    async with database.asking() as db:
        return await service.page(db, number=number, size=size, project_name=name)


async def ids(database: Database) -> list[str]:
    async with database.reading() as db:
        return list(await service.ids(db))


@pytest.mark.parametrize("id", IDS)
async def test_a_house_is_made_found_and_removed(database: Database, id: str) -> None:
    await create(database, id, "n" * 128, "名" * 256, "🏠" * 256)

    async with database.reading() as db:
        house = await service.get(db, id=id)
    assert (house.id, house.project_no) == (id, "n" * 128)
    assert (house.project_name, house.project_address) == ("名" * 256, "🏠" * 256)

    async with database.writing() as db:
        await service.delete(db, id=id, by=ANN)
    assert await ids(database) == []


async def test_ids_that_look_alike_are_told_apart(database: Database) -> None:
    for id in IDS:
        await create(database, id)

    assert await ids(database) == sorted(IDS)


async def test_nothing_and_an_empty_text_are_two_things(database: Database) -> None:
    await create(database, "1", None, "", None)

    async with database.reading() as db:
        house = await service.get(db, id="1")
    assert (house.project_no, house.project_name) == (None, "")


@pytest.mark.parametrize("id", ["nix", "", "1 ", " 1", "\ud800", "x" * 10_000, "1\0"])
async def test_an_unknown_house_is_not_found(database: Database, id: str) -> None:
    await create(database, "1")

    async with database.reading() as db:
        with pytest.raises(NotFound):
            await service.get(db, id=id)
    async with database.writing() as db:
        with pytest.raises(NotFound):
            await service.delete(db, id=id, by=ANN)
    assert await ids(database) == ["1"]


async def test_a_house_that_is_there_is_not_made_again(database: Database) -> None:
    await create(database, "1", "first")

    with pytest.raises(Conflict, match="'1'"):
        await create(database, "1", "second")

    async with database.reading() as db:
        assert (await service.get(db, id="1")).project_no == "first"


async def test_every_value_that_does_not_fit_is_named(database: Database) -> None:
    with pytest.raises(Invalid) as caught:
        await create(database, "i" * 65, "n" * 129, "\ud800", "a\0b")

    assert {name: str(why) for name, why in caught.value.fields.items()} == {
        "id": "is longer than 64 characters",
        "project_no": "is longer than 128 characters",
        "project_name": "holds characters that are no text",
        "project_address": "holds a NUL character",
    }
    assert await ids(database) == []


async def test_pages_follow_one_another_by_id(database: Database) -> None:
    async with database.writing() as db:
        assert await sow_houses(db) == 25

    pages = [await page(database, number, 10) for number in (1, 2, 3)]

    assert [[h.id for h in p.items] for p in pages] == [
        [str(1001 + n) for n in range(start, min(start + 10, 25))] for start in (0, 10, 20)
    ]
    assert {(p.total, p.pages) for p in pages} == {(25, 3)}


@pytest.mark.parametrize(
    ("number", "size", "count", "pages"),
    [
        (1, 25, 25, 1),
        (1, 26, 25, 1),
        (2, 25, 0, 1),
        (1, 10**30, 25, 1),
        (10**30, 1, 0, 25),
        (10**30, 10**30, 0, 1),
        (25, 1, 1, 25),
        (2**63, 2**63, 0, 1),
    ],
)
async def test_no_page_is_too_far_or_too_large(
    database: Database, number: int, size: int, count: int, pages: int
) -> None:
    async with database.writing() as db:
        await sow_houses(db)

    found = await page(database, number, size)

    assert (len(found.items), found.pages, found.number) == (count, pages, number)


async def test_a_name_selects_the_houses_that_have_exactly_it(database: Database) -> None:
    names = ["阳光花园", "阳光花园 ", "阳光", "SUN", "sun", "Sün", "100%", "100_", "", None]
    for number, name in enumerate(names):
        await create(database, str(number), name=name)

    for number, name in enumerate(names[:-1]):
        assert [h.id for h in (await page(database, name=name)).items] == [str(number)]


@pytest.mark.parametrize("name", ["nix", "\ud800", "a\0", "n" * 100_000, "%", "_"])
async def test_a_name_that_no_house_has_selects_nothing(database: Database, name: str) -> None:
    await create(database, "1", name="a")

    found = await page(database, name=name)

    assert (list(found.items), found.total, found.pages) == ([], 0, 0)


async def test_the_demo_rows_go_into_an_empty_table_only(database: Database) -> None:
    await create(database, "mine")

    async with database.writing() as db:
        assert await sow_houses(db) == 0

    assert await ids(database) == ["mine"]


async def changes(database: Database, id: str) -> list[tuple[str, str, dict[str, object]]]:
    async with database.reading() as db:
        entries = await audit.history(db, action="house", subject=id, limit=50)
    return [(entry.action, entry.actor, json.loads(entry.detail)) for entry in entries]


async def change(
    database: Database, id: str, expected: str | None = None, **values: str | None
) -> House:
    async with database.writing() as db:
        return await service.update(db, id=id, changes=values, expected=expected, by=BOB)


async def test_every_change_is_counted_and_written_down(database: Database) -> None:
    await create(database, "1", "no", None, "")

    first = await change(database, "1", project_no="new", project_name="name")
    second = await change(database, "1", project_no=None)
    async with database.reading() as db:
        house = await service.get(db, id="1")

    assert (first.version, second.version, house.version) == (2, 3, 3)
    assert house.updated_at is not None
    assert (house.project_no, house.project_name, house.project_address) == (None, "name", "")
    async with database.writing() as db:
        await service.delete(db, id="1", expected=service.fingerprint(house), by=ANN)
    assert await changes(database, "1") == [
        ("house.deleted", "ann", {"project_name": ["name", None], "project_address": ["", None]}),
        ("house.changed", "bob", {"project_no": ["new", None]}),
        ("house.changed", "bob", {"project_no": ["no", "new"], "project_name": [None, "name"]}),
        ("house.created", "ann", {"project_no": [None, "no"], "project_address": [None, ""]}),
    ]


async def test_what_changes_nothing_is_no_change(database: Database) -> None:
    await create(database, "1", "no", None, "")

    alike: list[dict[str, str | None]]
    alike = [{}, {"project_no": "no"}, {"project_name": None, "project_address": ""}]
    for values in alike:
        house = await change(database, "1", **values)
        assert (house.version, house.updated_at) == (1, None)

    assert len(await changes(database, "1")) == 1


async def test_values_that_only_look_alike_are_a_change(database: Database) -> None:
    await create(database, "1", "a", None, "")

    alike: list[dict[str, str | None]] = [
        {"project_no": "a "},
        {"project_no": "A "},
        {"project_name": ""},
        {"project_address": None},
    ]
    for number, values in enumerate(alike):
        assert (await change(database, "1", **values)).version == number + 2


async def test_a_fingerprint_is_another_after_each_change(database: Database) -> None:
    await create(database, "1", "a", None, "")
    seen = []
    for value in ("b", "a", None, "", "a"):
        async with database.reading() as db:
            seen.append(service.fingerprint(await service.get(db, id="1")))
        house = await change(database, "1", seen[-1], project_no=value)
        assert service.fingerprint(house) not in seen

    assert len(set(seen)) == 5
    for old in [*seen, "", "x"]:
        with pytest.raises(Changed) as caught:
            await change(database, "1", old, project_no="never")
        assert caught.value.current.project_no == "a"  # type: ignore[attr-defined]
        async with database.writing() as db:
            with pytest.raises(Changed):
                await service.delete(db, id="1", expected=old, by=BOB)


async def test_of_many_editors_at_once_one_wins(database: Database) -> None:
    await create(database, "1")
    async with database.reading() as db:
        seen = service.fingerprint(await service.get(db, id="1"))

    results = await asyncio.gather(
        *(change(database, "1", seen, project_no=str(n)) for n in range(8)),
        return_exceptions=True,
    )

    assert sorted(type(result).__name__ for result in results) == ["Changed"] * 7 + ["House"]
    assert len(await changes(database, "1")) == 2


async def test_editors_who_take_any_version_are_all_counted(database: Database) -> None:
    for id in ("1", "2", "3"):
        await create(database, id)

    await asyncio.gather(*(change(database, str(1 + n % 3), project_no=str(n)) for n in range(30)))

    for id in ("1", "2", "3"):
        async with database.reading() as db:
            assert (await service.get(db, id=id)).version == 11
        assert len(await changes(database, id)) == 11


async def test_a_house_made_again_begins_anew(database: Database) -> None:
    await create(database, "1", "a")
    await change(database, "1", project_no="b")
    async with database.writing() as db:
        await service.delete(db, id="1", by=ANN)

    await create(database, "1", "c")

    async with database.reading() as db:
        house = await service.get(db, id="1")
    assert (house.version, house.updated_at) == (1, None)


async def test_a_session_goes_on_after_an_id_that_was_taken(database: Database) -> None:
    await create(database, "1", "first")

    async with database.writing() as db:
        values = {"project_no": None, "project_name": None, "project_address": None}
        with pytest.raises(Conflict) as caught:
            await service.create(db, id="1", **values, by=ANN)
        made = await service.create(db, **values, by=ANN)
        assert (await service.get(db, id="1")).project_no == "first"

    assert caught.value.fields["id"].code == "taken"
    assert await ids(database) == sorted(["1", made.id])


@pytest.mark.parametrize("name", service.CHANGEABLE)
@pytest.mark.parametrize("value", ["x" * 257, "a\0", "\udfff", "x" * 10_000_000])
async def test_a_value_that_does_not_fit_changes_nothing(
    database: Database, name: str, value: str
) -> None:
    await create(database, "1")

    with pytest.raises(Invalid) as caught:
        await change(database, "1", **{name: value})

    assert set(caught.value.fields) == {name}
    assert len(await changes(database, "1")) == 1


async def test_a_house_that_is_not_there_is_not_changed(database: Database) -> None:
    await create(database, "1")

    for id in ("nix", "1 ", "\ud800"):
        with pytest.raises(NotFound):
            await change(database, id, project_no="x")
