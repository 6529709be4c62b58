"""What a search finds, as a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from quartapp.db.database import Database
from quartapp.houses import csv_lines, ndjson, transfer
from quartapp.houses.csv_lines import disarmed
from quartapp.houses.lines import BadLine, Row
from quartapp.houses.models import House
from quartapp.houses.service import COLUMNS, refusals

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"]
ROWS = [
    ("1", None, "", "阳光, 😀"),
    ("2", "=1", "'x", 'line\n"2"'),
    ("=3", "-", "  a ", "\u202eא"),
]

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
rows = st.lists(st.tuples(texts.filter(bool), *[st.none() | texts] * 3), max_size=5)


async def fill(database: Database, table: Sequence[tuple[str | None, ...]]) -> None:
    async with database.writing() as db:
        await db.execute(insert(House), [dict(zip(COLUMNS, row, strict=True)) for row in table])


async def exported(client: TestClientProtocol, query: str = "") -> bytes:
    answer = await client.get(f"/houses/export.csv{query}")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    disposition = answer.headers["Content-Disposition"]
    assert re.fullmatch(r"attachment; filename=houses-\d{4}-\d\d-\d\d\.csv", disposition)
    return await answer.get_data(as_text=False)


def values_of(data: bytes) -> list[tuple[str | None, ...]]:
    found = list(csv_lines.parse(io.BytesIO(data)))
    assert all(isinstance(item, Row) for item in found)
    return [tuple(item.values.values()) for item in found if isinstance(item, Row)]


async def test_the_plain_file_says_everything(
    browser: TestClientProtocol, database: Database
) -> None:
    await fill(database, ROWS)

    assert values_of(await exported(browser)) == sorted(ROWS)


async def test_a_spreadsheet_finds_no_formula(
    browser: TestClientProtocol, database: Database
) -> None:
    await fill(database, [(str(n), text, text, text) for n, text in enumerate(FORMULAS)])

    data = await exported(browser, "?for=spreadsheets")

    assert data.startswith(b"\xef\xbb\xbfid,")
    for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@given(texts)
def test_only_what_begins_a_formula_is_disarmed(text: str) -> None:
    (found,) = disarmed([text])

    assert found == (f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} - {""} else text)


async def test_what_a_search_finds_comes_in_its_order(
    browser: TestClientProtocol, database: Database
) -> None:
    table = [(f"{n:04}", None, f"n{n % 3}", None) for n in range(1200)]
    await fill(database, table)

    found = values_of(await exported(browser, "?q=n2&sort=project_name&descending=1"))
    assert [row[0] for row in found] == sorted(
        (row[0] for row in table if row[2] == "n2"), reverse=True
    )
    everything = values_of(await exported(browser, "?sort=project_no"))
    assert everything == table


async def test_an_export_of_what_cannot_be_looked_for_is_refused(
    browser: TestClientProtocol,
) -> None:
    answer = await browser.get("/houses/export.csv?sort=nix")

    assert answer.status_code == 400
    assert "Content-Disposition" not in answer.headers


async def test_nothing_found_is_a_file_with_a_header(browser: TestClientProtocol) -> None:
    assert await exported(browser) == csv_lines.HEADER.encode()


async def test_a_slow_reader_holds_no_connection(database: Database) -> None:
    await fill(database, [(f"{n:04}", None, None, None) for n in range(1200)])
    records = transfer.dump(database.reading, format=transfer.FORMATS["csv"])

    count = 0
    async for some in records:
        count += len(some)
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert count == 1200


@given(rows)
def test_lines_of_json_are_read_alike(table: list[tuple[str | None, ...]]) -> None:
    written = "".join(map(ndjson.record, table))

    found = list(ndjson.parse(io.BytesIO(written.encode())))

    assert [tuple(item.values.values()) for item in found if isinstance(item, Row)] == table


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "is not JSON"),
        ("[" * 10_000, "is not JSON"),
        ("[]", "is not a JSON object"),
        ("1", "is not a JSON object"),
        ('{"id": 1}', "id must be a text or null"),
        ('{"id": "1", "projectNo": ["x"]}', "project_no must be a text or null"),
        (
            '{"id": "1", "project_no": "x"}',
            "has a name that is none of id, projectNo, projectName, projectAddress",
        ),
        ('{"id": "' + "x" * 20_000 + '"}', "is longer than 16384 bytes"),
    ],
)
def test_a_line_that_is_no_house_is_named(line: str, reason: str) -> None:
    found = list(ndjson.parse(io.BytesIO(f'\n{line}\n{{"id": "2"}}\n'.encode())))

    assert str(found[0]) == f"line 2: {reason}"
    assert isinstance(found[0], BadLine)
    assert found[1] == Row(3, {**dict.fromkeys(COLUMNS), "id": "2"})


def test_half_a_surrogate_in_json_is_refused_by_the_table() -> None:
    (found,) = ndjson.parse(io.BytesIO(b'{"id": "\\ud800"}\n'))

    assert isinstance(found, Row)
    assert refusals(found.values)["id"].code == "no-text"
