"""Houses from a file: sent, looked at, imported."""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from quart import Quart
from sqlalchemy import select

from quartapp.audit.models import AuditEntry
from quartapp.db.database import Database
from quartapp.houses import service, transfer
from quartapp.testing import BY, MakeUser, sign_in
from tests.web.wire import multipart

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

HEADER = "id,project_no,project_name,project_address\n"
GOOD = HEADER + '1,,"",阳光\n2,<b>,"  a ",😀\n'
MIXED = GOOD + "3,a,b\n1,twice,,\n4," + "n" * 129 + ",,\n5,a,b,c\n"


@pytest.fixture(autouse=True)
def empty_folder(app: Quart) -> Iterator[None]:
    """No test finds another's files."""
    yield
    for path in drafts(app):
        path.unlink()


def drafts(app: Quart) -> list[Path]:
    return sorted(Path(app.config["IMPORT_FOLDER"]).glob("*"))


async def upload(
    client: TestClientProtocol, content: str | bytes, status: int = 303, name: str = "houses.csv"
) -> str:
    """Send a file; where to look at it, or the page."""
    data = content.encode() if isinstance(content, str) else content
    content_type, body = multipart(("file", name, data))
    answer = await client.post("/houses/import", data=body, headers={"Content-Type": content_type})
    text = str(await answer.get_data(as_text=True))
    assert answer.status_code == status, text
    return answer.headers.get("Location") or text


async def read(client: TestClientProtocol, path: str, status: int = 200) -> str:
    answer = await client.get(path)
    assert answer.status_code == status
    return html.unescape(await answer.get_data(as_text=True))


async def confirm(
    client: TestClientProtocol, path: str, refused: str = "", status: int = 200
) -> str:
    answer = await client.post(path, form={"refused": refused} if refused else {})
    assert answer.status_code == status
    return html.unescape(await answer.get_data(as_text=True))


async def ids(database: Database) -> list[str]:
    async with database.reading() as db:
        return list(await service.ids(db))


def counts(page: str) -> list[str]:
    return re.findall(r'<li class="card"><span><b>([\d,]+)</b>', page)


async def test_a_file_is_looked_at_and_then_imported(
    app: Quart, browser: TestClientProtocol, database: Database
) -> None:
    await read(browser, "/houses/import")
    path = await upload(browser, GOOD)
    page = await read(browser, path)

    assert counts(page) == ["2", "0"]
    assert '<bdi class="as-typed">  a </bdi>' in page
    assert await ids(database) == []
    assert "2 houses were imported." in await confirm(browser, path)
    assert await ids(database) == ["1", "2"]
    async with database.reading() as db:
        house = await service.get(db, id="1")
        changes = (await db.scalars(select(AuditEntry))).all()
    assert (house.project_no, house.project_name, house.project_address) == (None, "", "阳光")
    assert [(c.action, c.count) for c in changes if c.action == "house.imported"] == [
        ("house.imported", 2)
    ]
    assert drafts(app) == []
    await read(browser, path, 404)
    await confirm(browser, path, status=404)


async def test_refused_lines_are_shown_and_left_out(
    browser: TestClientProtocol, database: Database
) -> None:
    path = await upload(browser, MIXED)
    page = await read(browser, path)

    assert counts(page) == ["3", "3"]
    for reason in (
        "number of columns: 3, not 4",
        "id '1' stands on line 2 already",
        "Number is longer than 128 characters",
    ):
        assert reason in page
    page = await confirm(browser, path, "skip")
    assert "3 houses were imported." in page
    assert "Number is longer than 128 characters" in page
    assert await ids(database) == ["1", "2", "5"]


async def test_all_or_nothing_is_nothing_if_a_line_is_refused(
    app: Quart, browser: TestClientProtocol, database: Database
) -> None:
    path = await upload(browser, MIXED)

    page = await confirm(browser, path, "nothing", status=409)

    assert "Nothing was imported." in page
    assert f'href="{path}"' in page
    assert await ids(database) == []
    assert "3 houses were imported." in await confirm(browser, path, "skip")


async def test_a_file_of_another_kind_is_refused(app: Quart, browser: TestClientProtocol) -> None:
    for content, why in (
        (b"", "the file is empty"),
        (b"a,b\n1,2\n", "the first line must be id,project_no"),
        (GOOD.encode("utf-16"), "is not UTF-8"),
        (b"PK\x03\x04" + b"\0" * 100, "holds a NUL character"),
        (b"x" * 100_000, "is longer than 16384 bytes"),
    ):
        page = await read(browser, await upload(browser, content), 400)
        assert why in page
        assert 'id="field-file-error"' in page
    assert drafts(app) == []


async def test_a_form_without_a_file_is_refused(browser: TestClientProtocol) -> None:
    assert "No file was chosen." in await upload(browser, b"", 400, name="")
    answer = await browser.post("/houses/import", form={"file": "text"})
    assert answer.status_code == 400
    content_type, body = multipart(("other", "a.csv", b"x"))
    answer = await browser.post("/houses/import", data=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400


async def test_an_upload_that_breaks_off_leaves_nothing(
    app: Quart, browser: TestClientProtocol
) -> None:
    content_type, body = multipart(("file", "a.csv", GOOD.encode()))

    answer = await browser.post(
        "/houses/import", data=body[:-30], headers={"Content-Type": content_type}
    )

    assert answer.status_code == 400
    assert drafts(app) == []


async def test_nobody_sees_anothers_file(
    app: Quart, browser: TestClientProtocol, make_user: MakeUser, database: Database
) -> None:
    path = await upload(browser, GOOD)
    other = await sign_in(app, await make_user())

    await read(other, path, 404)
    await confirm(other, path, status=404)
    await other.post(f"{path}/discard")
    assert counts(await read(browser, path)) == ["2", "0"]
    assert [oct(draft.stat().st_mode & 0o777) for draft in drafts(app)] == ["0o600"]
    assert await ids(database) == []
    for strange in ("..", "%2e%2e", "x" * 32, "A" * 32, f"..%2f{'a' * 32}"):
        await read(browser, f"/houses/import/{strange}", 404)


async def test_a_file_can_be_forgotten(app: Quart, browser: TestClientProtocol) -> None:
    path = await upload(browser, GOOD)

    assert (await browser.post(f"{path}/discard")).status_code == 303

    assert drafts(app) == []
    await read(browser, path, 404)


async def test_somebody_else_who_adds_one_of_the_houses_stops_all(
    browser: TestClientProtocol, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await upload(browser, GOOD)
    await confirm(browser, await upload(browser, HEADER + "2,theirs,,\n"))

    async def nobody(*_args: Any) -> set[str]:
        return set()

    assert "is in the table already" in await confirm(browser, path, "nothing", status=409)
    monkeypatch.setattr(transfer, "_known", nobody)  # it comes right after it was looked for
    page = await confirm(browser, path, "skip", status=409)

    assert "somebody else added one of these houses meanwhile" in page
    assert await ids(database) == ["2"]


async def test_progress_is_told_line_by_line(
    browser: TestClientProtocol, database: Database
) -> None:
    table = "".join(f"{n},,,\n" for n in range(1234)) + "0,twice,,\n"
    path = await upload(browser, HEADER + table)

    answer = await browser.post(
        path, form={"refused": "skip"}, headers={"Accept": "application/x-ndjson"}
    )

    told = [json.loads(line) for line in (await answer.get_data()).splitlines()]
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert [step["lines"] for step in told[:-1]] == [500, 1000, 1235]
    assert told[-1] == {
        "imported": 1234,
        "message": "1,234 houses were imported.",
        "bad": 1,
        "refused": [[1236, "id '0' stands on line 2 already"]],
    }
    assert len(await ids(database)) == 1234


async def test_a_client_that_hangs_up_in_mid_import_takes_it_back(
    app: Quart, browser: TestClientProtocol, database: Database
) -> None:
    table = "".join(f"{n},,,\n" for n in range(5_000))
    path = await upload(browser, HEADER + table)

    async with browser.request(
        path, method="POST", headers={"Accept": "application/x-ndjson"}
    ) as connection:
        await connection.send_complete()
        assert json.loads(await connection.receive())["lines"] == 500
        await connection.disconnect()

    tasks = asyncio.all_tasks()
    work = [task for task in tasks if getattr(task.get_coro(), "__name__", "") == "_import"]
    async with asyncio.timeout(5):
        await asyncio.gather(*work, return_exceptions=True)
    assert await ids(database) == []
    assert len(drafts(app)) == 1
    async with database.writing() as db:
        await service.create(
            db, id="x", project_no=None, project_name=None, project_address=None, by=BY
        )


async def test_a_full_disk_is_said(
    app: Quart, browser: TestClientProtocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        await upload(browser, GOOD, 503)
    assert drafts(app) == []
