"""Limits on what a client may send, however it says how much that is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

import pytest
import pytest_asyncio
from quart import Quart

from quartapp.testing import temporary_app
from tests.web.wire import Heard, in_chunks, multipart, speak

LIMIT = 1_000_000
FORM = "application/x-www-form-urlencoded"
UPLOADER = "/lessons/upload/uploader"


@pytest_asyncio.fixture(scope="module")
async def small() -> AsyncIterator[Quart]:
    """An application that takes no more than a megabyte."""
    async with temporary_app(max_upload_bytes=LIMIT) as made:
        yield made


def left_behind(app: Quart) -> list[str]:
    return sorted(path.name for path in Path(app.config["UPLOAD_FOLDER"]).glob("*"))


def is_refused(heard: Heard, status: int) -> bool:
    return heard.status == status and len(heard.body) > 10


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_an_upload_beyond_the_limit_is_413_and_leaves_nothing(
    declared: bool, small: Quart
) -> None:
    kind, body = multipart(("file", "big.bin", b"x" * (LIMIT + 1)))
    length = len(body) if declared else None
    heard = await speak(small, UPLOADER, in_chunks(body), content_type=kind, length=length)
    assert is_refused(heard, 413)
    assert left_behind(small) == []


async def test_an_upload_within_the_limit_is_saved_though_chunked(small: Quart) -> None:
    kind, body = multipart(("file", "small.bin", b"x" * (LIMIT - 1000)))
    heard = await speak(small, UPLOADER, in_chunks(body), content_type=kind)
    assert (heard.status, heard.body.decode()) == (200, "文件上传成功")
    path = Path(small.config["UPLOAD_FOLDER"]) / "small.bin"
    assert path.stat().st_size == LIMIT - 1000
    path.unlink()


@pytest.mark.parametrize(
    ("path", "kind", "piece"),
    [
        ("/lessons/login-json/login", "application/json", b'"' + b"x" * 9999),
        ("/lessons/request-form/result", FORM, b"a=b&" * 2500),
        ("/lessons/jwt/login", "text/plain", b"x" * 10_000),
        ("/lessons/restful/user", "application/json", b"[" * 10_000),
    ],
)
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_no_other_body_gets_past_the_limit(
    path: str, kind: str, piece: bytes, declared: bool, small: Quart
) -> None:
    pieces = [piece] * 150
    length = sum(map(len, pieces)) if declared else None
    heard = await speak(small, path, pieces, content_type=kind, length=length)
    # A form that is none has no fields, and need not be read to say so.
    assert heard.status == 413 or (kind == "text/plain" and heard.status == 400)


async def test_a_form_of_many_fields_is_413(app: Quart) -> None:
    body = b"&".join(b"a%d=" % n for n in range(1001))
    heard = await speak(app, "/lessons/request-form/result", [body], content_type=FORM)
    assert is_refused(heard, 413)


async def test_a_form_of_a_thousand_fields_is_read(app: Quart) -> None:
    body = b"&".join(b"a%d=" % n for n in range(1000))
    heard = await speak(app, "/lessons/request-form/result", [body], content_type=FORM)
    assert heard.status == 200
    assert heard.body.count(b"<tr>") == 1000


async def test_a_large_form_is_413_before_it_is_taken_apart(app: Quart) -> None:
    heard = await speak(
        app, "/lessons/jwt/login", [b"username=" + b"x" * 600_000], content_type=FORM
    )
    assert is_refused(heard, 413)


async def test_large_fields_of_an_upload_are_413(app: Quart) -> None:
    kind, body = multipart(("note", None, b"x" * 600_000), ("file", "a.txt", b"x"))
    heard = await speak(app, UPLOADER, in_chunks(body), content_type=kind)
    assert is_refused(heard, 413)
    assert left_behind(app) == []


async def test_an_upload_of_many_parts_is_413(app: Quart) -> None:
    kind, body = multipart(*[("note", None, b"")] * 1001, ("file", "a.txt", b"x"))
    heard = await speak(app, UPLOADER, in_chunks(body), content_type=kind)
    assert is_refused(heard, 413)


async def test_a_json_body_over_a_megabyte_is_413(app: Quart) -> None:
    chunks = [b'{"user": "', *[b"x" * 100_000] * 12, b'"}']
    heard = await speak(app, "/lessons/login-json/login", chunks, content_type="application/json")
    assert heard.status == 413


async def test_a_form_for_whose_file_there_is_no_room_is_503(
    small: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_full_disk(**_: object) -> IO[bytes]:
        return Path("/dev/full").open("w+b")

    monkeypatch.setattr("werkzeug.formparser.SpooledTemporaryFile", on_full_disk)
    kind, body = multipart(("file", "small.bin", b"x" * (LIMIT // 2)))
    heard = await speak(small, "/login", in_chunks(body), content_type=kind)
    assert is_refused(heard, 503)
