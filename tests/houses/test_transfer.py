"""CSV files: what comes in, what is refused and how it is named, and what goes out."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartapp.audit import service as audit
from quartapp.audit.service import Actor
from quartapp.core.errors import Invalid
from quartapp.db.database import Database
from quartapp.houses import csv_lines, service, transfer
from quartapp.houses.csv_lines import parse
from quartapp.houses.lines import RECORD_BYTES, BadLine, Row, lines_of
from quartapp.houses.transfer import BadLines, Imported

HEADER = "id,project_no,project_name,project_address\n"
CSV = transfer.FORMATS["csv"]
ANN = Actor(None, "ann")

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60)
values = st.none() | texts | st.text('",\r\n \\', max_size=5)
records = st.tuples(texts.filter(bool), values, values, values)


def lines(text: str | bytes) -> list[bytes]:
    return io.BytesIO(text if isinstance(text, bytes) else text.encode()).readlines()


def rows(text: str | bytes) -> list[tuple[str | None, ...]]:
    found = list(parse(lines(text)))
    assert not [item for item in found if isinstance(item, BadLine)]
    return [tuple(item.values.values()) for item in found if isinstance(item, Row)]


def bad(text: str | bytes) -> list[str]:
    return [str(item) for item in parse(lines(text)) if isinstance(item, BadLine)]


async def load(database: Database, text: str | bytes, skip_bad: bool = False) -> Imported:
    async with database.writing() as db:
        return await transfer.load(db, rows=parse(lines(text)), skip_bad=skip_bad, by=ANN)


async def dump(database: Database) -> str:
    records = transfer.dump(database.reading, format=CSV)
    return CSV.header + "".join(["".join(some) async for some in records])


async def ids(database: Database) -> list[str]:
    async with database.reading() as db:
        return list(await service.ids(db))


@given(st.lists(records, max_size=6))
def test_what_is_written_is_read_alike(table: list[tuple[str | None, ...]]) -> None:
    assert rows(HEADER + "".join(map(csv_lines.record, table))) == table


@given(st.lists(records, max_size=6))
def test_what_is_written_is_csv_to_everybody(table: list[tuple[str | None, ...]]) -> None:
    written = "".join(map(csv_lines.record, table))

    assert list(csv.reader(io.StringIO(written, newline=""), strict=True)) == [
        [value or "" for value in row] for row in table
    ]


@given(
    st.lists(st.tuples(*[texts] * 4), max_size=6),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_others_write_is_read_alike(table: list[tuple[str, ...]], quoting: int) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=quoting).writerows(table)  # type: ignore[arg-type]

    found = rows(HEADER + file.getvalue())

    assert [tuple(value or "" for value in row) for row in found] == table


@given(st.binary(max_size=300))
def test_no_file_is_so_broken_that_reading_it_fails(data: bytes) -> None:
    for item in parse(lines(HEADER.encode() + data)):
        assert item.line >= 2


@given(st.lists(st.sampled_from(['"', '""', ",", "\n", "a", "\r\n"]), max_size=40))
def test_each_line_is_read_or_named_once(parts: list[str]) -> None:
    numbers = [item.line for item in parse(lines(HEADER + "".join(parts)))]

    assert numbers == sorted(set(numbers))


def test_an_empty_field_is_null_and_quotes_make_it_a_text() -> None:
    assert rows(HEADER + '1,,"",x\n') == [("1", None, "", "x")]


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_files_of_any_system_are_read(bom: str, end: str) -> None:
    text = bom + HEADER.replace("\n", end or "\n") + "1,a,b,c" + end

    assert rows(text) == [("1", "a", "b", "c")]


def test_columns_may_stand_in_another_order() -> None:
    assert rows("project_name,id,project_address,project_no\nn,1,a,no\n") == [("1", "no", "n", "a")]


def test_empty_lines_count_for_nothing_but_the_numbers() -> None:
    assert [item.line for item in parse(lines("\n" + HEADER + "\n1,,,\n\r\n2,,,\n\n"))] == [4, 6]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "1,a,b,c\n",
        "id;project_no;project_name;project_address\n",
        "id,project_no,project_name\n",
        "id,id,project_name,project_address\n",
        HEADER.encode("utf-16"),
        b"\xff\n",
    ],
)
def test_a_file_with_another_header_is_refused(text: str | bytes) -> None:
    with pytest.raises(Invalid):
        list(parse(lines(text)))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1,a,b", "number of columns: 3, not 4"),
        (b"1,a,b,c,d", "number of columns: 5, not 4"),
        (b"1", "number of columns: 1, not 4"),
        (b"1,\xff,b,c", "is not UTF-8"),
        (b"1,a\0,b,c", "holds a NUL character"),
        (b'1,"a"b,b,c', "has text behind a closing quote"),
        (b'1,"a,b,c', "opens a quote that is not closed"),
        (b"1," + b"a" * 20_000 + b",b,c", "is longer than 16384 bytes"),
    ],
)
def test_a_line_that_is_no_row_is_named_and_the_next_one_read(line: bytes, reason: str) -> None:
    found = list(parse(lines(HEADER.encode() + line + b"\n2,a,b,c\n")))

    assert str(found[0]) == f"line 2: {reason}"
    assert [item.line for item in found] == [2, 3]


def test_a_quote_never_closed_does_not_swallow_the_file() -> None:
    rest = "".join(f"{n},a,b,c\n" for n in range(3, 3000))

    found = list(parse(lines(HEADER + '2,"a,b,c\n' + rest)))

    assert str(found[0]) == "line 2: opens a quote that is not closed"
    assert [item.line for item in found[1:] if isinstance(item, Row)] == list(range(3, 3000))


def test_of_a_line_without_end_only_the_beginning_is_kept() -> None:
    file = io.BytesIO(HEADER.encode() + b"x" * 1_000_000 + b"\n2,a,b,c\n")

    pieces = list(lines_of(file))

    assert [len(piece) for piece in pieces] == [len(HEADER), RECORD_BYTES + 1, 8]


async def test_a_file_is_imported_and_exported_alike(database: Database) -> None:
    text = HEADER + '1,,"",阳光\n2,"a ""b"", c","line 1\nline 2",😀\n"  3 ",," x ",\\N\n'

    assert (await load(database, text)).count == 3

    exported = await dump(database)
    assert sorted(rows(exported)) == sorted(rows(text))
    async with database.writing() as db:
        for id in await service.ids(db):
            await service.delete(db, id=id, by=ANN)
    assert (await load(database, exported)).count == 3
    assert await dump(database) == exported


async def test_files_larger_than_a_batch_go_in_and_out(database: Database) -> None:
    text = HEADER + "".join(f"{n:05},{n},名{n},\n" for n in range(1234))
    heard: list[int] = []

    async with database.writing() as db:
        await transfer.load(db, rows=parse(lines(text)), done=heard.append, by=ANN)

    assert heard == [500, 500, 234]
    assert await dump(database) == text


async def test_bad_lines_are_all_named_and_nothing_is_imported(database: Database) -> None:
    await load(database, HEADER + "old,,,\n")
    text = (
        HEADER
        + "1,a,b,c\n"  # fine
        + "2,a,b\n"
        + ",a,b,c\n"
        + '"",a,b,c\n'
        + f"{'i' * 65},{'n' * 129},b,c\n"
        + "1,other,,\n"
        + "old,,,\n"
        + "9,a,b,c\n"  # fine
    )

    with pytest.raises(BadLines) as caught:
        await load(database, text)

    assert [str(line) for line in caught.value.bad] == [
        "line 3: number of columns: 3, not 4",
        "line 4: id is empty",
        "line 5: id is empty",
        "line 6: id is longer than 64 characters; project_no is longer than 128 characters",
        "line 7: id '1' stands on line 2 already",
        "line 8: id 'old' is in the table already",
    ]
    assert await ids(database) == ["old"]

    skipped = await load(database, text, skip_bad=True)
    assert skipped.count == 2
    assert list(map(str, skipped.bad)) == list(map(str, caught.value.bad))
    assert await ids(database) == ["1", "9", "old"]


async def test_a_bad_line_at_the_very_end_takes_everything_back(database: Database) -> None:
    text = HEADER + "".join(f"{n},,,\n" for n in range(1200)) + "0,,,\n"

    with pytest.raises(BadLines, match="line 1202: id '0' stands on line 2 already"):
        await load(database, text)

    assert await ids(database) == []


async def test_ids_that_only_look_alike_are_imported(database: Database) -> None:
    await load(database, HEADER + "a1,,,\nA1,,,\n ä1,,,\n a1,,,\n")

    assert len(await ids(database)) == 4


async def test_ids_that_the_database_holds_equal_are_named(database: Database) -> None:
    text = HEADER + "a,,,\na ,,,\n"

    if database.url.get_backend_name() == "sqlite":
        assert (await load(database, text)).count == 2
        return
    with pytest.raises(BadLines, match="line 3: id 'a ' stands on line 2 already"):
        await load(database, text)
    await load(database, HEADER + "a,,,\n")
    with pytest.raises(BadLines, match="line 2: id 'a ' is in the table already"):
        await load(database, HEADER + "a ,,,\n")


async def test_of_many_refused_lines_the_first_are_kept_and_all_counted(
    database: Database,
) -> None:
    text = HEADER + "x\n" * 1234 + "1,,,\n"

    async with database.writing() as db:
        done = await transfer.load(db, rows=parse(lines(text)), skip_bad=True, keep=600, by=ANN)

    assert (done.count, done.refused, len(done.bad)) == (1, 1234, 600)
    async with database.writing() as db:
        with pytest.raises(BadLines) as caught:
            await transfer.load(db, rows=parse(lines(text)), keep=3, by=ANN)
    assert (caught.value.refused, len(caught.value.bad)) == (1235, 3)


async def test_an_import_is_written_down_once(database: Database) -> None:
    await load(database, HEADER + "".join(f"{n},,,\n" for n in range(700)))

    async with database.reading() as db:
        entries = await audit.latest(db, limit=10)
    assert [(e.action, e.actor, e.count) for e in entries] == [("house.imported", "ann", 700)]
