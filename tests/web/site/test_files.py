"""The files of a house: brought, shown and deleted in a browser, whole or not at all."""

from __future__ import annotations

import asyncio
import json
import os
import re
from html import unescape
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from quart import Quart

from quartapp.core.clock import now
from quartapp.db.database import Database
from quartapp.files.models import HouseFile
from quartapp.web.registry import delete_house
from tests.files.pictures import picture
from tests.web.disk import fill_disk
from tests.web.house_of_files import (
    FILES,
    HOUSE,
    ME,
    PAGE,
    is_whole,
    make_house,
    one,
    rows,
    stored,
    upload,
)
from tests.web.wire import multipart, speak

if TYPE_CHECKING:
    from quart.testing.client import QuartClient

# What is sent as a name, and what it is called from then on.
NAMES = [
    ("../../../etc/passwd", "passwd"),
    ("/absolute/file", "file"),
    ("C:\\\\temp\\\\a.txt", "a.txt"),
    ("CON", "CON"),
    ("nul.txt", "nul.txt"),
    ("a%22b.txt", 'a"b.txt'),
    ("100%.txt", "100%.txt"),
    ("\u202efdp.exe", "\u202efdp.exe"),
    ("😀" * 60, "😀" * 60),
    ("n" * 255, "n" * 255),
    ("名" * 255, "名" * 255),
]

# A name that is none, and what people are told.
REFUSED = [
    ("..", "The name “..” is no name."),
    ("a/", "The name “” is empty."),
    ("n" * 256, f"The name “{'n' * 60}…” is longer than 255 characters."),
    ("a%0Ab", "The name “a\nb” holds characters that are no text."),
    ("", "The name “” is empty."),
]


@pytest_asyncio.fixture(autouse=True)
async def house(database: Database) -> None:
    """A house to bring files to."""
    await make_house(database)


async def test_several_files_come_at_once_and_are_shown_with_the_house(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    image, text = picture(), b"plain"
    heard = await upload(app, browser, ("平面图.png", image), ("<b>.txt", text))

    assert heard.status == 303
    assert heard.headers["location"].endswith(f"{PAGE}#files")
    assert [row.name for row in await rows(database)] == ["<b>.txt", "平面图.png"]
    assert await is_whole(app, database)
    for path in (PAGE, FILES):
        page = await (await browser.get(path)).get_data(as_text=True)
        assert page.count("/thumbnail") == 1
        assert "<bdi>平面图.png</bdi>" in page
        assert "<bdi>&lt;b&gt;.txt</bdi>" in page
        assert {"Image", "Text", "5 bytes"} <= set(re.findall(r"Image|Text|5 bytes", page))


async def test_a_script_is_told_what_was_added(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    heard = await upload(app, browser, ("a.txt", b"x"), script=True)
    assert (heard.status, heard.body) == (201, b'{"added":["a.txt"]}\n')


async def test_any_name_is_shown_as_it_was_and_leads_nowhere(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    heard = await upload(app, browser, *((given, b"x") for given, _ in NAMES))
    assert heard.status == 303
    kept = [name for _, name in NAMES]
    assert [row.name for row in reversed(await rows(database))] == kept
    assert await is_whole(app, database)
    page = unescape(await (await browser.get(FILES)).get_data(as_text=True))
    assert all(f"<bdi>{name}</bdi>" in page for name in kept)


async def test_a_name_that_is_none_refuses_all_that_came_with_it(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    for name, reason in REFUSED:
        files = [("good.png", picture()), (name, b"x")]
        heard = await upload(app, browser, *files)
        assert heard.status == 400
        assert reason in unescape(heard.body.decode())
        assert 'aria-invalid="true"' in heard.body.decode()
        heard = await upload(app, browser, *files, script=True)
        assert (heard.status, json.loads(heard.body)) == (400, {"message": reason})
    assert (stored(app), await rows(database)) == ([], [])


async def test_a_form_in_which_no_file_was_chosen_says_so(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    heard = await upload(app, browser, ("", b""))
    assert heard.status == 400
    assert "No file was chosen." in heard.body.decode()
    assert (await upload(app, browser)).status == 400


async def test_an_empty_file_is_kept(app: Quart, database: Database, browser: QuartClient) -> None:
    path = await one(app, browser, "empty", b"")
    answer = await browser.get(path)
    assert (answer.status_code, await answer.get_data()) == (200, b"")
    assert answer.headers["Content-Length"] == "0"
    assert (await browser.get(path, headers={"Range": "bytes=0-"})).status_code == 416


@pytest.mark.parametrize("hang_up", [True, False], ids=["hangs up", "ends the body"])
async def test_an_upload_that_breaks_off_leaves_nothing(
    hang_up: bool, app: Quart, database: Database, browser: QuartClient
) -> None:
    files = [("whole.txt", b"x" * 1_000_000), ("half.bin", b"\0" * 4_000_000)]
    for cut in (10, 60, 100, 2_000_000, 4_000_120):
        heard = await upload(app, browser, *files, cut=cut, hang_up=hang_up)
        assert heard.status == (0 if hang_up else 400)
    assert (stored(app), await rows(database)) == ([], [])


async def test_an_upload_beyond_the_limit_is_413_and_leaves_nothing(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    limit = app.config["MAX_CONTENT_LENGTH"]
    heard = await upload(app, browser, ("big", b"x" * limit))
    assert heard.status == 413
    assert (stored(app), await rows(database)) == ([], [])


async def test_a_full_disk_is_503_and_leaves_nothing(
    app: Quart, database: Database, browser: QuartClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch, after=2_500_000)
    heard = await upload(app, browser, ("1", b"x" * 2_000_000), ("2", b"x" * 2_000_000))
    monkeypatch.undo()
    assert heard.status == 503
    assert (stored(app), await rows(database)) == ([], [])


async def test_a_house_that_is_deleted_meanwhile_takes_the_upload_along(
    app: Quart, database: Database, browser: QuartClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync
    loop = asyncio.get_running_loop()

    async def delete() -> None:
        async with app.app_context():
            await delete_house(id=HOUSE, by=ME)

    deleted = False

    def slow(descriptor: int) -> None:
        nonlocal deleted
        if not deleted:
            deleted = True
            asyncio.run_coroutine_threadsafe(delete(), loop).result(10)
        fsync(descriptor)

    monkeypatch.setattr("quartapp.files.storage.os.fsync", slow)
    heard = await upload(app, browser, ("a.png", picture()))
    assert heard.status == 404
    assert (stored(app), await rows(database)) == ([], [])


async def test_a_house_that_goes_takes_its_files_along(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    await upload(app, browser, ("a.png", picture()), ("b", b"x"))
    async with app.app_context():
        await delete_house(id=HOUSE, by=ME)
    assert (stored(app), await rows(database)) == ([], [])


async def test_houses_deleted_while_many_upload_keep_no_file_and_lose_none(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    async def delete() -> None:
        await asyncio.sleep(0.05)
        async with app.app_context():
            await delete_house(id=HOUSE, by=ME)

    heard = await asyncio.gather(
        *(upload(app, browser, (f"{n}", b"x" * n)) for n in range(12)), delete()
    )
    assert {answer.status for answer in heard if answer} <= {303, 404}
    assert (stored(app), await rows(database)) == ([], [])


async def test_the_same_file_twice_at_once_is_kept_twice(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    content = os.urandom(1_500_000)
    heard = await asyncio.gather(*(upload(app, browser, ("same", content)) for _ in range(4)))
    assert [answer.status for answer in heard] == [303] * 4
    assert len(await rows(database)) == 4
    assert await is_whole(app, database)


async def test_a_file_is_deleted_after_a_question(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    path = await one(app, browser, "平面.png", picture())
    asked = await browser.get(f"{path}/delete")
    assert "平面.png" in await asked.get_data(as_text=True)
    assert len(await rows(database)) == 1
    answer = await browser.post(f"{path}/delete")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}#files")
    assert (stored(app), await rows(database)) == ([], [])
    for method, gone in (("GET", path), ("GET", f"{path}/delete"), ("POST", f"{path}/delete")):
        assert (await browser.open(gone, method=method)).status_code == 404


async def test_a_file_belongs_to_one_house(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    path = await one(app, browser, "a", b"x")
    await make_house(database, "2")
    elsewhere = path.replace(FILES, "/house/2/files")
    assert (await browser.get(elsewhere)).status_code == 404
    assert (await browser.post(f"{elsewhere}/delete")).status_code == 404
    assert (await browser.get(path)).status_code == 200


async def test_a_house_that_is_none_has_no_files(app: Quart, browser: QuartClient) -> None:
    assert (await browser.get("/house/nix/files")).status_code == 404
    heard = await upload(app, browser, ("a", b"x" * 2_000_000), path="/house/nix/files")
    assert heard.status == 404
    assert stored(app) == []


async def test_only_those_signed_in_see_or_bring_files(app: Quart, browser: QuartClient) -> None:
    path = await one(app, browser, "a.png", picture())
    stranger = app.test_client()
    for address in (FILES, path, f"{path}/thumbnail", f"{path}/delete"):
        answer = await stranger.get(address)
        assert (answer.status_code, "/login?next=" in answer.headers["Location"]) == (302, True)
    kind, body = multipart(("file", "a", b"x"))
    heard = await speak(app, FILES, [body], content_type=kind)
    assert heard.status == 401
    assert (await stranger.post(f"{path}/delete")).status_code == 401


async def test_many_files_are_shown_in_pages(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    async with database.writing() as db:
        for n in range(120):
            db.add(
                HouseFile(
                    id=f"{n:032x}",
                    house_id=HOUSE,
                    name=f"file {n}",
                    media_type="text/plain",
                    size=n,
                    sha256="0" * 64,
                    key=f"{n:032x}",
                    has_thumbnail=False,
                    created_at=now(),
                    created_by="me",
                )
            )
    seen: list[str] = []
    path: str | None = FILES
    while path:
        page = await (await browser.get(path)).get_data(as_text=True)
        assert "data-files-count>120</span>" in page
        seen += re.findall(r"<bdi>(file \d+)</bdi>", page)
        older = re.search(r'href="([^"]+\?before=[0-9a-f]+)"', page)
        path = older[1] if older else None
    assert seen == [f"file {n}" for n in reversed(range(120))]
