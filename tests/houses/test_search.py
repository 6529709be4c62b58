"""Finding houses: what a text finds, in every order, and a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, insert, text

from quartapp.core import cursors
from quartapp.core.cursors import Place
from quartapp.core.errors import Invalid
from quartapp.db.database import Database
from quartapp.houses import search
from quartapp.houses.models import House
from quartapp.houses.search import Search
from quartapp.houses.service import COLUMNS

LAST = "\U0010ffff"
Rows = Sequence[tuple[str | None, ...]]


async def fill(database: Database, rows: Rows) -> None:
    async with database.writing() as db:
        await db.execute(delete(House))
        if rows:
            values = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
            await db.execute(insert(House), values)


async def found(database: Database, chosen: Search) -> list[str]:
    async with database.reading() as db:
        page = await search.page(db, chosen, number=1, size=100)
    assert page.total == len(page.items)
    return [house.id for house in page.items]


@pytest.mark.parametrize("column", range(4))
async def test_a_text_is_found_anywhere_in_every_column(database: Database, column: int) -> None:
    row: list[str | None] = ["1", None, None, None]
    row[column] = "深圳市福田区Road 5"
    await fill(database, [tuple(row), ("other", "", "罗湖区", None)])

    for part in ("福田", "福田区", "road", "ROAD 5", "深圳市福田区Road 5"):
        assert await found(database, Search(part)) == [row[0]]
    assert await found(database, Search("福田 ")) == []


async def test_every_character_is_only_itself(database: Database) -> None:
    for odd in ["%", "_", "/", "\\", "'", '"', "a%b", "/%", "😀", "\u202eא", "<b>"]:
        others = [("2", "a0b", "x", ""), ("3", "🏠", "א", "b")]
        await fill(database, [("1", odd, None, None), *others])
        for match in search.CONDITIONS:
            assert await found(database, Search(odd, match=match)) == ["1"]


async def test_a_beginning_is_found_to_the_letter(database: Database) -> None:
    names = ["福田", "福田区", "福", "福a", "A\tB", "A", "a", "AB", "A ", "B", LAST, LAST + LAST]
    names += ["\ud7ff!", "\ue000", "\x01", " A"]
    await fill(database, [(f"{n:02}", None, name, None) for n, name in enumerate(names)])

    for start in ["福田", "福", "A", "a", "A ", LAST, "\ud7ff", "\x01", " ", "A\t"]:
        expected = [f"{n:02}" for n, name in enumerate(names) if name.startswith(start)]
        assert await found(database, Search(start, match="prefix")) == expected, ascii(start)


async def test_a_whole_text_is_found_to_the_letter(database: Database) -> None:
    names = ["a", "A", "a ", " a", "ab", "ä", ""]
    await fill(database, [(f"{n:02}", None, name, None) for n, name in enumerate(names)])

    for n, name in enumerate(names[:-1]):
        assert await found(database, Search(name, match="exact")) == [f"{n:02}"]
        assert await found(database, Search(name=name)) == [f"{n:02}"]
    assert await found(database, Search(name="")) == ["06"]
    assert await found(database, Search("a", name="ab")) == ["04"]
    assert await found(database, Search("a", match="prefix", name="a ")) == ["02"]


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"text": "x" * 257}, "text", "too-long"),
        ({"text": "x" * 10_000_000}, "text", "too-long"),
        ({"text": "\0"}, "text", "nul"),
        ({"text": "\ud800"}, "text", "no-text"),
        ({"name": "\udfff"}, "name", "no-text"),
        ({"match": "regex"}, "match", "choice"),
        ({"sort": "version"}, "sort", "choice"),
        ({"sort": "id; DROP TABLE base_house"}, "sort", "choice"),
    ],
)
def test_what_cannot_be_looked_for_is_named(values: dict[str, str], field: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        Search(**values)  # type: ignore[arg-type]

    assert {name: why.code for name, why in caught.value.fields.items()} == {field: code}


orders = st.tuples(st.sampled_from(COLUMNS), st.booleans())
# Few values, so that there are many ties.
few = st.sampled_from([None, "", "a", "A", "a ", "b", "阳光", "😀"])
tables = st.lists(st.tuples(few, few, few), max_size=14)


@given(table=tables, order=orders, size=st.integers(1, 5), text=st.sampled_from(["", "a"]))
@example(table=[(None, None, None)] * 3, order=("project_no", True), size=1, text="")
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_forward_and_back_again_meets_every_house_once(
    database: Database, table: Rows, order: tuple[str, bool], size: int, text: str
) -> None:
    chosen = Search(
        text, match="prefix" if text else "contains", sort=order[0], descending=order[1]
    )
    await fill(database, [(f"{n:02}", *row) for n, row in enumerate(table)])
    expected = await found(database, chosen)

    there: list[str] = []
    back: list[str] = []
    async with database.reading() as db:
        cursor = None
        while True:
            some = await search.after(db, chosen, cursor=cursor, size=size)
            there += [house.id for house in some.items]
            if some.next is None:
                break
            assert len(some.items) == size
            cursor = some.next
        cursor = None
        while True:
            some = await search.before(db, chosen, cursor=cursor, size=size)
            back = [house.id for house in some.items] + back
            if some.previous is None:
                break
            cursor = some.previous
        pages = [
            (await search.page(db, chosen, number=n, size=size)).items
            for n in range(1, len(expected) // size + 2)
        ]
        batches: list[str] = []
        behind = None
        while houses := await search.batch(db, chosen, behind=behind, size=size):
            batches += [house.id for house in houses]
            behind = search.place_of(chosen, houses[-1])

    assert there == expected
    assert back == expected
    assert [house.id for page in pages for house in page] == expected
    assert batches == expected


async def test_the_cursors_of_a_slice_lead_where_they_say(database: Database) -> None:
    await fill(database, [(f"{n}", None, "same", None) for n in range(9)])
    chosen = Search(sort="project_name", descending=True)

    async with database.reading() as db:
        first = await search.after(db, chosen, size=3)
        second = await search.after(db, chosen, cursor=first.next, size=3)
        again = await search.before(db, chosen, cursor=second.previous, size=3)
        last = await search.before(db, chosen, size=3)
        none = await search.after(
            db, chosen, cursor=search.cursor_of(chosen, last.items[-1]), size=3
        )

    assert [house.id for house in second.items] == ["5", "4", "3"]
    assert (first.previous, second.total, second.exact) == (None, 9, True)
    assert [house.id for house in again.items] == ["8", "7", "6"]
    assert (again.previous, again.next) == (None, first.next)
    assert ([house.id for house in last.items], last.next) == (["2", "1", "0"], None)
    assert (list(none.items), none.next) == ([], None)


async def test_the_place_of_a_house_that_is_gone_still_holds(database: Database) -> None:
    await fill(database, [(f"{n}", None, None, None) for n in range(5)])

    async with database.writing() as db:
        place = await search.after(db, Search(), size=2)
        await db.execute(text("DELETE FROM base_house WHERE id IN ('1', '2')"))
        following = await search.after(db, Search(), cursor=place.next, size=2)

    assert [house.id for house in following.items] == ["3", "4"]


FOREIGN = [
    "",
    "x",
    "💥",
    "%00",
    "x" * 10_000_000,
    "bnVsbA",
    "WzEsImlkIixudWxs",
    cursors.written("project_no", Place("a", "1")),
    cursors.written("-id", Place("a", "1")),
    cursors.written("id", Place("a", "1")) + "A",
    cursors.written("id", Place("\ud800", "1")),
    cursors.written("id", Place("1", "\ud800")),
    "WzIsImlkIiwiMSIsIjEiXQ",  # of another version
    "W1tbW1tb" * 500,
]


async def test_a_cursor_that_is_none_of_this_list_is_refused(database: Database) -> None:
    async with database.reading() as db:
        for cursor in FOREIGN:
            for step in (search.after, search.before):
                with pytest.raises(Invalid) as caught:
                    await step(db, Search(), cursor=cursor, size=5)
                assert caught.value.fields["cursor"].code == "cursor"


def test_the_longest_name_makes_a_cursor_that_is_read() -> None:
    place = Place("\x01" * 256, "😀" * 64)

    assert cursors.read("project_name", cursors.written("project_name", place)) == place


async def test_what_is_found_is_counted_as_far_as_anybody_reads(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "COUNTED", 10)
    await fill(database, [(f"{n:02}", "no", None, None) for n in range(11)] + [("x", "b", "", "")])

    async with database.reading() as db:
        few = await search.page(db, Search("b", match="exact"), number=1, size=5)
        for chosen in (
            Search(),
            Search("o"),
            Search("n", match="prefix"),
            Search("no", match="exact"),
        ):
            many = await search.page(db, chosen, number=3, size=5)
            assert (many.total, many.exact) == (10, False)
            assert len(many.items) == (2 if not chosen.text else 1)
            step = await search.after(db, chosen, size=5)
            assert (step.total, step.exact) == (10, False)
        nowhere = await search.page(db, Search(), number=10**30, size=10**30)

    assert (few.total, few.exact, few.items[0].id) == (1, True, "x")
    assert not nowhere.items


@pytest.mark.parametrize("match", ["prefix", "exact"])
async def test_indexes_find_a_beginning_and_a_whole(database: Database, match: str) -> None:
    words = [f"{n:04}" for n in range(2000)]
    await fill(database, [(word, word, word, word) for word in words])
    sqlite = database.url.get_backend_name() == "sqlite"
    statements: list[tuple[str, Any]] = []

    def remember(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement != "BEGIN":
            statements.append((statement, parameters))

    async with database.reading() as db:
        if not sqlite:
            await db.execute(text("ANALYZE TABLE base_house"))
        engine = database.engine.sync_engine
        event.listen(engine, "before_cursor_execute", remember)
        try:
            await search.page(db, Search("0012", match=match, sort="project_no"), number=1, size=5)
        finally:
            event.remove(engine, "before_cursor_execute", remember)
        assert len(statements) == 2
        connection = await db.connection()
        for statement, parameters in statements:
            explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
            plan = (await connection.exec_driver_sql(explain + statement, parameters)).mappings()
            for step in plan.all():
                if sqlite:
                    assert "SCAN base_house" not in step["detail"], plan
                elif step["table"] == "base_house":
                    assert step["key"], step
                    assert step["type"] in {"ref", "range", "eq_ref", "const"}, step
