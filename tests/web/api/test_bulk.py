"""Many houses at once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from quartapp.audit import service as audit
from quartapp.db.database import Database
from quartapp.houses.models import House
from tests.web.api.conftest import Api

HEADER = "id,project_no,project_name,project_address\n"
FULL = Path("/dev/full")
TYPES = {"csv": "text/csv", "ndjson": "application/x-ndjson"}
ROWS = {
    "csv": HEADER + 'a,1,"福田, ""x""",\nb,,"",💥\n',
    "ndjson": '{"id": "a", "projectNo": "1", "projectName": "福田, \\"x\\""}\n'
    '{"id": "b", "projectName": "", "projectAddress": "💥"}\n',
}


async def load(api: Api, kind: str, data: str | bytes, question: str = "", **headers: str) -> Any:
    body = data.encode() if isinstance(data, str) else data
    told = {"Content-Type": TYPES[kind], **headers}
    return await api.post(f"/houses.{kind}{question}", data=body, headers=told)


async def count(database: Database) -> int:
    async with database.reading() as db:
        return await db.scalar(select(func.count(House.id))) or 0


@pytest.mark.parametrize("kind", TYPES)
async def test_what_was_imported_is_exported_alike(api: Api, database: Database, kind: str) -> None:
    done = await load(api, kind, ROWS[kind])

    assert await done.get_json() == {"imported": 2, "refused": 0, "lines": []}
    out = await api.get(f"/houses.{kind}")
    assert out.headers["Content-Disposition"] == f'attachment; filename="houses.{kind}"'
    text = await out.get_data(as_text=True)
    async with database.writing() as db:
        await db.execute(House.__table__.delete())  # type: ignore[attr-defined]
    assert (await load(api, kind, text)).status_code == 200
    assert await (await api.get(f"/houses.{kind}")).get_data(as_text=True) == text
    async with database.reading() as db:
        [entry] = await audit.latest(db, limit=1)
    assert (entry.action, entry.count, entry.actor) == ("house.imported", 2, "ann")


@pytest.mark.parametrize("kind", TYPES)
async def test_one_bad_line_and_nothing_is_imported_but_the_reason_told(
    api: Api, database: Database, kind: str
) -> None:
    bad = {"csv": "x" * 65 + ",,,\n", "ndjson": '{"id": "' + "x" * 65 + '"}\n'}[kind]

    answer = await load(api, kind, ROWS[kind] + bad)

    assert answer.status_code == 422
    problem = await answer.get_json()
    assert problem["code"] == "refused-lines"
    line = {"csv": 4, "ndjson": 3}[kind]
    detail = "is longer than 64 characters"
    assert problem["errors"] == [
        {"line": line, "column": "id", "code": "too-long", "detail": detail}
    ]
    assert await count(database) == 0


@pytest.mark.parametrize("kind", TYPES)
async def test_refused_lines_are_skipped_on_request_and_reported(
    api: Api, database: Database, kind: str
) -> None:
    bad = {"csv": "a,,,\n", "ndjson": '{"id": "a"}\nnothing\n'}[kind]

    answer = await load(api, kind, ROWS[kind] + bad, "?skip=refused")

    report = await answer.get_json()
    assert (report["imported"], report["refused"]) == (2, len(bad.splitlines()))
    codes = [line["code"] for line in report["lines"]]
    assert codes == {"csv": ["twice"], "ndjson": ["twice", "json"]}[kind]
    assert await count(database) == 2


async def test_of_very_many_refused_lines_the_first_thousand_are_told(api: Api) -> None:
    answer = await load(api, "csv", HEADER + ",,,\n" * 1500, "?skip=refused")

    report = await answer.get_json()
    assert (report["refused"], len(report["lines"])) == (1500, 1000)


async def test_a_long_report_is_kept_whole(api: Api) -> None:
    # More than MySQL's TEXT holds.
    lines = "".join(f"{'x' * 65}{number},,,\n" for number in range(1200))
    answers = [
        await load(api, "csv", HEADER + lines, "?skip=refused", **{"Idempotency-Key": "k"})
        for _ in range(2)
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert await answers[0].get_data() == await answers[1].get_data()


async def test_what_is_no_file_of_houses_is_refused(api: Api, database: Database) -> None:
    for data in (b"", b"\n", b"a,b\n", b"\xff\xfe", b"\0" * 100, b'"' * 100_000):
        assert (await load(api, "csv", data)).status_code == 422, data[:10]
    for data in (b"[]", b"1", b"\xff", b"{" * 100_000, b'{"id": 1}', b'{"id": "\\ud800"}'):
        assert (await load(api, "ndjson", data)).status_code == 422, data[:10]
    assert (await load(api, "csv", ROWS["csv"], "?skip=all")).status_code == 422
    other = await api.post("/houses.csv", data=b"", headers={"Content-Type": "text/plain"})
    assert other.status_code == 415
    assert (await load(api, "csv", b"x" * 17 * 2**20)).status_code == 413
    assert await count(database) == 0


async def test_an_export_holds_what_was_searched_in_its_order(api: Api, database: Database) -> None:
    rows = [{"id": f"h{n:04}", "project_no": str(n % 2)} for n in range(1201)]
    async with database.writing() as db:
        await db.execute(insert(House), rows)

    everything = await (await api.get("/houses.csv")).get_data(as_text=True)
    assert everything == HEADER + "".join(f"h{n:04},{n % 2},,\n" for n in range(1201))
    some = await (await api.get("/houses.csv?q=1&match=exact&sort=-id")).get_data(as_text=True)
    assert some.splitlines()[1:] == [f"h{n:04},1,," for n in range(1199, 0, -2)]
    assert (await api.get("/houses.csv?page=1")).status_code == 422
    assert (await api.head("/houses.csv")).status_code == 200


async def test_a_full_disk_is_507_and_nothing_is_imported(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quartapp.web.api.bulk.TemporaryFile", partial(FULL.open, "w+b"))

    answer = await load(api, "csv", ROWS["csv"])

    assert answer.status_code == 507
    assert await count(database) == 0


@pytest.mark.parametrize("kind", TYPES)
async def test_an_export_may_take_longer_than_other_answers(
    api: Api, database: Database, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.writing() as db:
        await db.execute(insert(House), [{"id": f"h{n:04}"} for n in range(1201)])
    monkeypatch.setattr("quartapp.web.client.PATIENCE", 0)
    api.app.config["RESPONSE_TIMEOUT"] = 1e-9  # seconds

    text = await (await api.get(f"/houses.{kind}")).get_data(as_text=True)

    assert "h1200" in text.splitlines()[-1]
