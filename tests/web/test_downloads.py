"""Downloads: whole, in part or not again, and nothing in them runs in this site's name."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest_asyncio
from quart import Quart

from quartapp.db.database import Database
from quartapp.files.storage import FolderStorage
from tests.files.pictures import GIF_HTML, HTML, SVG, archive, bomb, picture
from tests.web.house_of_files import cookie_of, make_house, one, rows
from tests.web.wire import Heard, speak

if TYPE_CHECKING:
    from quart.testing.client import QuartClient

# A content, its type, and whether a browser may show it.
CONTENTS = [
    (picture("PNG"), "image/png", True),
    (picture("JPEG"), "image/jpeg", True),
    (b"text", "text/plain; charset=utf-8", True),
    (HTML, "text/html; charset=utf-8", False),
    (SVG, "image/svg+xml", False),
    (b"<?xml version='1.0'?><x/>", "application/xml", False),
    (GIF_HTML, "application/octet-stream", False),
    (b"%PDF-1.7\n" + archive(a=b"b"), "application/pdf", False),
    (bomb(60_000, 60_000), "image/png", False),
    (bytes(range(256)), "application/octet-stream", False),
]

DISPOSITIONS = [
    ("a.txt", "filename=\"a.txt\"; filename*=UTF-8''a.txt"),
    ("平面 1.txt", "filename=\"1.txt\"; filename*=UTF-8''%E5%B9%B3%E9%9D%A2%201.txt"),
    ("é.txt", "filename=\"e.txt\"; filename*=UTF-8''%C3%A9.txt"),
    ("平面", "filename=\"file\"; filename*=UTF-8''%E5%B9%B3%E9%9D%A2"),
    ("a%22;'b.txt", "filename=\"a_;'b.txt\"; filename*=UTF-8''a%22%3B%27b.txt"),
    ("100%.txt", "filename=\"100_.txt\"; filename*=UTF-8''100%25.txt"),
]

# What is asked for, and the status and bytes that it gets.
RANGES = [
    ("bytes=0-0", 206, 0, 1),
    ("bytes=2-5", 206, 2, 6),
    ("bytes=990-", 206, 990, 1000),
    ("bytes=990-99999", 206, 990, 1000),
    ("bytes=-10", 206, 990, 1000),
    ("bytes=-99999", 206, 0, 1000),
    ("bytes=0-", 206, 0, 1000),
    ("bytes=1000-", 416, 0, 0),
    ("bytes=-0", 416, 0, 0),
    ("bytes=5-2", 200, 0, 1000),
    ("bytes=0-1,3-4", 200, 0, 1000),
    ("bytes=-", 200, 0, 1000),
    ("bytes=x-y", 200, 0, 1000),
    ("lines=0-1", 200, 0, 1000),
    ("bytes=" + "9" * 30 + "-", 200, 0, 1000),
]


@pytest_asyncio.fixture(autouse=True)
async def house(database: Database) -> None:
    """A house to bring files to."""
    await make_house(database)


async def test_what_could_run_in_a_browser_is_for_saving_and_nothing_runs(
    app: Quart, browser: QuartClient
) -> None:
    for content, media_type, shown in CONTENTS:
        answer = await browser.get(await one(app, browser, "picture.png", content))
        told = answer.headers
        assert (answer.status_code, await answer.get_data()) == (200, content)
        assert told["Content-Type"] == media_type
        kind = "inline" if shown else "attachment"
        assert told["Content-Disposition"].partition(";")[0] == kind
        assert told["X-Content-Type-Options"] == "nosniff"
        assert told["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert told["Cache-Control"] == "private, no-cache"
        assert told["Content-Length"] == str(len(content))


async def test_a_download_has_its_name_in_any_language(app: Quart, browser: QuartClient) -> None:
    for name, told in DISPOSITIONS:
        answer = await browser.get(await one(app, browser, name, b"x"))
        assert answer.headers["Content-Disposition"] == f"inline; {told}"


async def test_a_part_of_a_file_can_be_had(app: Quart, browser: QuartClient) -> None:
    content = os.urandom(1000)
    path = await one(app, browser, "a", content)
    for asked, status, start, stop in RANGES:
        answer = await browser.get(path, headers={"Range": asked})
        part = f"bytes {start}-{stop - 1}/1000" if status == 206 else None
        if status == 416:
            part = "bytes */1000"
        else:
            assert await answer.get_data() == content[start:stop]
            assert answer.headers["Content-Length"] == str(stop - start)
        assert (asked, answer.status_code) == (asked, status)
        assert answer.headers.get("Content-Range") == part


async def test_a_large_file_comes_in_blocks(app: Quart, browser: QuartClient) -> None:
    content = os.urandom(3_333_333)
    path = await one(app, browser, "a", content)
    assert await (await browser.get(path)).get_data() == content
    part = await browser.get(path, headers={"Range": "bytes=1000000-2999999"})
    assert await part.get_data() == content[1_000_000:3_000_000]


async def ask(
    app: Quart, browser: QuartClient, path: str, method: str = "GET", **sent: str
) -> Heard:
    """An answer as the server gets it: the test client adds to its headers."""
    headers = [(name.replace("_", "-"), value) for name, value in sent.items()]
    headers.append(cookie_of(browser))
    return await speak(app, path, [], content_type="", sent=headers, method=method)


async def test_a_head_says_what_a_get_would_without_the_content(
    app: Quart, browser: QuartClient
) -> None:
    path = await one(app, browser, "a", b"x" * 100)
    got, head = await ask(app, browser, path), await ask(app, browser, path, "HEAD")
    assert (head.status, head.body, got.body) == (200, b"", b"x" * 100)
    assert head.headers["content-length"] == "100"
    of_request = {"x-request-id", "set-cookie"}
    assert {n: v for n, v in head.headers.items() if n not in of_request} == {
        n: v for n, v in got.headers.items() if n not in of_request
    }
    part = await ask(app, browser, path, "HEAD", Range="bytes=0-1")
    assert (part.status, part.headers["content-length"]) == (200, "100")


async def test_a_file_that_is_known_is_not_sent_again(app: Quart, browser: QuartClient) -> None:
    path = await one(app, browser, "a", b"content")
    told = (await ask(app, browser, path)).headers
    tag, modified = told["etag"], told["last-modified"]
    cases: list[tuple[int, dict[str, str]]] = [
        (304, {"If_None_Match": tag}),
        (304, {"If_None_Match": f'"other", W/{tag}'}),
        (304, {"If_None_Match": "*"}),
        (200, {"If_None_Match": '"other"', "If_Modified_Since": modified}),
        (304, {"If_Modified_Since": modified}),
        (200, {"If_Modified_Since": "Thu, 01 Jan 2015 00:00:00 GMT"}),
        (200, {"If_Modified_Since": "nonsense"}),
        (200, {"If_Match": tag}),
        (200, {"If_Match": "*"}),
        (412, {"If_Match": '"other"'}),
        (412, {"If_Match": f"W/{tag}"}),
        (206, {"If_Range": tag, "Range": "bytes=0-1"}),
        (206, {"If_Range": modified, "Range": "bytes=0-1"}),
        (200, {"If_Range": '"other"', "Range": "bytes=0-1"}),
        (304, {"If_None_Match": tag, "Range": "bytes=0-1"}),
    ]
    for status, sent in cases:
        answer = await ask(app, browser, path, **sent)
        assert (sent, answer.status) == (sent, status)
        if status == 304:
            assert (answer.body, answer.headers["etag"]) == (b"", tag)
            assert not {"content-type", "content-length"} & answer.headers.keys()


async def test_a_thumbnail_is_a_small_picture(app: Quart, browser: QuartClient) -> None:
    path = await one(app, browser, "a.png", picture(size=(1000, 500)))
    answer = await browser.get(f"{path}/thumbnail")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/webp"
    assert (await answer.get_data())[8:12] == b"WEBP"
    assert answer.headers["ETag"] != (await browser.get(path)).headers["ETag"]
    no_image = await one(app, browser, "a", b"x")
    assert (await browser.get(f"{no_image}/thumbnail")).status_code == 404


async def test_a_row_whose_file_is_lost_is_not_found(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    path = await one(app, browser, "a", b"x")
    (row,) = await rows(database)
    FolderStorage(Path(app.config["FILES_FOLDER"])).path(row.key).unlink()
    assert (await browser.get(path)).status_code == 404


async def test_a_client_that_goes_in_mid_download_leaves_no_file_open(
    app: Quart, database: Database, browser: QuartClient
) -> None:
    path = await one(app, browser, "a", b"x" * 4_000_000)
    name, cookie = cookie_of(browser)
    (row,) = await rows(database)
    blocks = 0
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(event: dict[str, Any]) -> None:
        nonlocal blocks
        if event.get("body"):
            blocks += 1
            gone.set()
            await asyncio.sleep(10)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (name.lower().encode(), cookie.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
        "extensions": {},
    }
    await app(scope, receive, send)  # type: ignore[arg-type]

    assert blocks == 1
    opened = [str(link.resolve()) for link in Path("/proc/self/fd").iterdir()]
    assert not [target for target in opened if row.key in target]
