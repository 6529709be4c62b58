"""Uploads: whole or not at all, each under its own name, whoever hangs up."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from quart import Quart

from quartapp.files.storage import ABANDONED
from quartapp.web.uploads import prepare
from tests.web.disk import fill_disk
from tests.web.wire import Heard, in_chunks, multipart, speak

UPLOADER = "/lessons/upload/uploader"


def folder(app: Quart) -> Path:
    return Path(app.config["UPLOAD_FOLDER"])


def names(app: Quart) -> list[str]:
    return sorted(path.name for path in folder(app).glob("*"))


async def upload(app: Quart, name: str, content: bytes = b"content") -> Heard:
    kind, body = multipart(("file", name, content))
    return await speak(app, UPLOADER, in_chunks(body), content_type=kind)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "etc_passwd"),
        ("/absolute.txt", "absolute.txt"),
        (".hidden", "hidden"),
        ("你好.txt", "txt"),
        ("a b.txt", "a_b.txt"),
    ],
)
async def test_a_file_is_kept_under_a_name_that_cannot_leave_its_folder(
    sent: str, kept: str, app: Quart
) -> None:
    heard = await upload(app, sent)
    assert (heard.status, heard.body.decode()) == (200, "文件上传成功")
    assert names(app) == [kept]


@pytest.mark.parametrize("name", ["", "..", "你好", "a" * 256, "a" * 5000])
async def test_a_name_that_is_none_is_refused_and_nothing_kept(name: str, app: Quart) -> None:
    heard = await upload(app, name)
    assert heard.status == 400
    assert names(app) == []


async def test_a_name_that_is_a_folder_is_refused(app: Quart) -> None:
    (folder(app) / "taken").mkdir(parents=True)
    assert (await upload(app, "taken")).status == 400
    assert names(app) == ["taken"]


async def test_an_empty_file_is_saved(app: Quart) -> None:
    assert (await upload(app, "empty.txt", b"")).status == 200
    assert (folder(app) / "empty.txt").stat().st_size == 0


async def test_content_that_looks_like_the_form_is_saved_as_it_is(app: Quart) -> None:
    content = b"\r\n--lin\r\n--line-not\r\n\r\n--line" + bytes(range(256)) * 5000
    assert (await upload(app, "odd.bin", content)).status == 200
    assert (folder(app) / "odd.bin").read_bytes() == content


async def test_of_two_files_in_the_field_the_first_is_saved(app: Quart) -> None:
    kind, body = multipart(("other", "o.txt", b"o"), ("file", "1.txt", b"1"), ("file", "2", b"2"))
    assert (await speak(app, UPLOADER, [body], content_type=kind)).status == 200
    assert names(app) == ["1.txt"]


@pytest.mark.parametrize("cut", [10, 70, 100, 3_000_000])
@pytest.mark.parametrize("hang_up", [True, False], ids=["hangs up", "ends the body"])
async def test_an_upload_that_breaks_off_leaves_nothing(
    cut: int, hang_up: bool, app: Quart
) -> None:
    kind, body = multipart(("file", "half.bin", b"x" * 4_000_000))
    heard = await speak(app, UPLOADER, in_chunks(body[:cut]), content_type=kind, hang_up=hang_up)
    assert heard.status == (0 if hang_up else 400)
    assert names(app) == []


async def test_uploads_of_one_name_at_once_never_mix(app: Quart) -> None:
    contents = [bytes([n]) * 2_500_000 for n in range(8)]
    heard = await asyncio.gather(*(upload(app, "same.bin", content) for content in contents))
    assert {answer.status for answer in heard} == {200}
    assert names(app) == ["same.bin"]
    assert (folder(app) / "same.bin").read_bytes() in contents


async def test_a_full_disk_is_503_and_leaves_nothing(
    app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_disk(monkeypatch, after=1_500_000)
    heard = await upload(app, "big.bin", b"x" * 3_000_000)
    monkeypatch.undo()
    assert heard.status == 503
    assert names(app) == []


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=é",
        "multipart/mixed; boundary=line",
        "application/x-www-form-urlencoded",
        "nonsense",
    ],
)
async def test_what_is_no_upload_is_refused(kind: str, app: Quart) -> None:
    _, body = multipart(("file", "a.txt", b"a"))
    heard = await speak(app, UPLOADER, [body], content_type=kind)
    assert heard.status == 400
    assert names(app) == []


async def test_part_headers_count_as_what_they_are_memory(app: Quart) -> None:
    long = 'x"; ' + 'b="";' * 4000
    kind, body = multipart(*[("file", long, b"")] * 60)
    heard = await speak(app, UPLOADER, in_chunks(body), content_type=kind)
    assert heard.status == 413
    assert names(app) == []


async def test_a_start_clears_what_uploads_of_dead_processes_left(tmp_path: Path) -> None:
    for name, age in (("old", 2 * ABANDONED), ("new", 10)):
        draft = tmp_path / f".{name}.part"
        draft.write_bytes(b"half")
        os.utime(draft, (time.time() - age,) * 2)
    (tmp_path / "kept.txt").write_bytes(b"whole")
    await asyncio.to_thread(prepare, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".new.part", "kept.txt"]
