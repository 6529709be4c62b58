"""Files of a house for programs: brought as a form or as a body, listed, sent, deleted."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from quart import Quart

from quartapp.audit.service import Actor
from quartapp.db.database import Database
from quartapp.files import service
from quartapp.houses import service as houses
from quartapp.testing import ApiClient, User
from tests.files.pictures import SVG, picture
from tests.web.wire import Heard, in_chunks, multipart, speak

ME = Actor(None, "test")
HOUSE = "a/1"
FILES = "/api/v1/houses/a~11/files"
BINARY = "application/octet-stream"


@pytest_asyncio.fixture
async def program(app: Quart, database: Database, user: User) -> ApiClient:
    """A client of the API; there is a house."""
    async with database.writing() as db:
        await houses.create(
            db, id=HOUSE, project_no=None, project_name="x", project_address=None, by=ME
        )
    words = {"username": user.username, "password": user.password}
    answer = await app.test_client().post("/api/v1/auth/sign-in", json=words)
    return ApiClient(app, (await answer.get_json())["access_token"])


def stored(app: Quart) -> list[str]:
    folder = Path(app.config["FILES_FOLDER"])
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def count(database: Database) -> int:
    async with database.reading() as db:
        return await service.count(db, house_id=HOUSE)


async def form(
    app: Quart, program: ApiClient, *files: tuple[str, bytes], hang_up: bool = False, **sent: str
) -> Heard:
    kind, body = multipart(*(("file", name, content) for name, content in files))
    headers = [("Authorization", f"Bearer {program.token}")]
    headers += [(name.replace("_", "-"), value) for name, value in sent.items()]
    body = body[:-20] if hang_up else body
    return await speak(
        app, FILES, in_chunks(body), content_type=kind, sent=headers, hang_up=hang_up
    )


async def body(
    program: ApiClient, content: bytes, query: str = "", **headers: str
) -> tuple[int, dict[str, Any]]:
    sent = {"Content-Type": BINARY} | {n.replace("_", "-"): v for n, v in headers.items()}
    answer = await program.post(f"{FILES}{query}", data=content, headers=sent)
    return answer.status_code, await answer.get_json()


async def test_files_of_a_form_are_added_and_told_of(app: Quart, program: ApiClient) -> None:
    image = picture()
    heard = await form(app, program, ("平面.png", image), ("evil.svg", SVG))

    assert heard.status == 201
    one, other = json.loads(heard.body)["items"]
    assert (one["name"], one["mediaType"], one["size"]) == ("平面.png", "image/png", len(image))
    assert one["sha256"] == hashlib.sha256(image).hexdigest()
    assert (other["mediaType"], other["thumbnail"]) == ("image/svg+xml", None)
    assert heard.headers["location"] == f"{FILES}/{one['id']}"
    answer = await program.get(heard.headers["location"])
    assert await answer.get_json() == one
    assert await (await program.get(one["content"])).get_data() == image
    small = await program.get(one["thumbnail"])
    assert (await small.get_data())[8:12] == b"WEBP"
    assert (await program.get(f"{FILES}/{other['id']}/thumbnail")).status_code == 404


@pytest.mark.parametrize(
    ("query", "headers", "name"),
    [
        ("?name=%E5%B9%B3%E9%9D%A2.txt", {}, "平面.txt"),
        ("", {"Content_Disposition": 'attachment; filename="a b.txt"'}, "a b.txt"),
        ("", {"Content_Disposition": "attachment; filename*=UTF-8''%E5%B9%B3"}, "平"),
        ("?name=query", {"Content_Disposition": "attachment; filename=header"}, "query"),
        ("", {"Content_Disposition": 'attachment; filename="../../a"'}, "a"),
        ("", {"Content_Type": "image/png"}, "file"),
    ],
)
async def test_a_body_is_a_file(
    query: str, headers: dict[str, str], name: str, app: Quart, program: ApiClient
) -> None:
    status, told = await body(program, b"content", query, **headers)
    (file,) = told["items"]
    assert (status, file["name"], file["mediaType"]) == (201, name, "text/plain")


async def test_an_empty_file_is_stored_if_anything_says_that_there_is_one(
    app: Quart, program: ApiClient
) -> None:
    named = await program.post(f"{FILES}?name=empty.txt")
    typed = await program.post(FILES, headers={"Content-Type": BINARY})
    nothing = await program.post(FILES)

    assert [answer.status_code for answer in (named, typed, nothing)] == [201, 201, 422]
    problem = await nothing.get_json()
    assert [error["code"] for error in problem["errors"]] == ["missing"]
    assert len(stored(app)) == 2


async def test_what_cannot_be_taken_is_named_and_leaves_nothing(
    app: Quart, database: Database, program: ApiClient
) -> None:
    cases: list[tuple[str, dict[str, str], int, str]] = [
        ("?name=", {}, 422, "invalid"),
        ("?name=..", {}, 422, "invalid"),
        ("?name=a%00b", {}, 422, "invalid"),
        ("?name=" + "n" * 256, {}, 422, "invalid"),
        ("?name=" + "n" * 5000, {}, 422, "invalid"),
        ("?nome=a", {}, 422, "invalid"),
        ("?name=a&name=b", {}, 400, "bad-request"),
        (
            "?name=a",
            {"Content_Type": "application/x-www-form-urlencoded"},
            415,
            "unsupported-media-type",
        ),
        ("", {"Content_Type": "multipart/form-data"}, 400, "bad-request"),
        ("", {"Content_Type": "multipart/form-data; boundary=x"}, 400, "bad-request"),
        ("?name=a/b", {}, 422, "invalid"),
        ("?name=%20", {}, 422, "invalid"),
        ("", {"Content_Disposition": "attachment; filename=.."}, 422, "invalid"),
    ]
    for query, headers, status, code in cases:
        got, told = await body(program, b"content", query, **headers)
        assert (query, got) == (query, status)
        assert told["code"] == code
    heard = await form(app, program, ("good.png", picture()), ("..", b"x"))
    assert heard.status == 422
    assert (await form(app, program, ("", b""))).status == 422
    assert (stored(app), await count(database)) == ([], 0)


async def test_a_body_that_breaks_off_leaves_nothing(
    app: Quart, database: Database, program: ApiClient
) -> None:
    files = ("a", b"x" * 3_000_000), ("b", b"x" * 3_000_000)
    assert (await form(app, program, *files, hang_up=True)).status == 0
    sent = [
        ("Authorization", f"Bearer {program.token}"),
        ("Content-Disposition", "attachment; filename=a"),
    ]
    chunks = [b"x" * 2_000_000] * 2
    heard = await speak(app, FILES, chunks, content_type=BINARY, sent=sent, hang_up=True)
    assert heard.status == 0
    assert (stored(app), await count(database)) == ([], 0)


async def test_a_full_disk_is_507_and_leaves_nothing(
    app: Quart, database: Database, program: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("quartapp.files.storage.os.write", full)
    status, told = await body(program, b"x", "?name=a")
    monkeypatch.undo()
    assert (status, told["code"]) == (507, "no-room")
    assert (stored(app), await count(database)) == ([], 0)


async def test_a_request_with_a_key_adds_its_files_once(
    app: Quart, database: Database, program: ApiClient
) -> None:
    first = await form(app, program, ("a.png", picture()), Idempotency_Key="one")
    again = await form(app, program, ("a.png", picture()), Idempotency_Key="one")
    other = await form(app, program, ("b.png", picture()), Idempotency_Key="one")
    assert (first.status, again.status, other.status) == (201, 201, 422)
    assert (again.body, again.headers["location"]) == (first.body, first.headers["location"])
    assert await count(database) == 1
    assert len(stored(app)) == 2


async def test_the_same_request_at_once_adds_its_files_once(
    app: Quart, database: Database, program: ApiClient
) -> None:
    heard = await asyncio.gather(
        *(form(app, program, ("a", b"x"), Idempotency_Key="one") for _ in range(4))
    )
    statuses = sorted(answer.status for answer in heard)
    assert statuses[0] == 201
    assert set(statuses) <= {201, 409}
    assert (await count(database), len(stored(app))) == (1, 1)


async def test_the_files_are_listed_in_pages(app: Quart, program: ApiClient) -> None:
    await form(app, program, *((f"{n}", b"x") for n in range(5)))
    seen: list[str] = []
    path: str | None = f"{FILES}?size=2"
    while path:
        told = await (await program.get(path)).get_json()
        assert told["total"] == 5
        seen += [file["name"] for file in told["items"]]
        path = told["next"]
    assert seen == ["4", "3", "2", "1", "0"]
    for query in ("?size=0", "?size=101", "?size=x", "?before=x", "?page=1"):
        assert (await program.get(f"{FILES}{query}")).status_code == 422


async def test_a_part_of_the_content_can_be_had(app: Quart, program: ApiClient) -> None:
    content = os.urandom(1000)
    _, told = await body(program, content, "?name=a")
    path = told["items"][0]["content"]
    part = await program.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, await part.get_data()) == (206, content[10:20])
    none = await program.get(path, headers={"Range": "bytes=1000-"})
    assert (none.status_code, none.mimetype) == (416, "application/problem+json")
    tag = part.headers["ETag"]
    assert (await program.get(path, headers={"If-None-Match": tag})).status_code == 304
    assert (await program.get(path, headers={"If-Match": '"x"'})).status_code == 412


async def test_a_file_is_deleted(app: Quart, database: Database, program: ApiClient) -> None:
    _, told = await body(program, picture(), "?name=a")
    path = f"{FILES}/{told['items'][0]['id']}"
    assert (await program.delete(path)).status_code == 204
    for gone in (path, f"{path}/content", f"{path}/thumbnail"):
        assert (await program.get(gone)).status_code == 404
    assert (await program.delete(path)).status_code == 404
    assert (stored(app), await count(database)) == ([], 0)


async def test_a_house_that_is_deleted_takes_its_files_along(
    app: Quart, database: Database, program: ApiClient
) -> None:
    await form(app, program, ("a.png", picture()), ("b", b"x"))
    assert (await program.delete("/api/v1/houses/a~11")).status_code == 204
    assert (stored(app), await count(database)) == ([], 0)
    assert (await program.get(FILES)).status_code == 404
    assert (await body(program, b"x", "?name=a"))[0] == 404


async def test_without_a_token_there_is_nothing(app: Quart, program: ApiClient) -> None:
    stranger = app.test_client()
    assert (await stranger.get(FILES)).status_code == 401
    assert (await stranger.post(f"{FILES}?name=a", data=b"x")).status_code == 401
    assert (await stranger.delete(f"{FILES}/x")).status_code == 401
    assert stored(app) == []
