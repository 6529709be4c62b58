"""Files of houses: a row for each file and a file for each row."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from quart import Quart

from quartapp.audit import service as audit
from quartapp.audit.service import Actor
from quartapp.core.errors import Invalid, NotFound
from quartapp.db.database import Database
from quartapp.files import service
from quartapp.files.incoming import StoredFile, incoming
from quartapp.files.models import HouseFile
from quartapp.files.storage import ABANDONED, FolderStorage
from quartapp.files.thumbnails import Thumbnails
from tests.files.pictures import GIF_HTML, bomb, picture

ME = Actor(7, "me")


@pytest.fixture
def storage(app: Quart) -> FolderStorage:
    """The application's folder of files."""
    return FolderStorage(Path(app.config["FILES_FOLDER"]))


@pytest.fixture
def thumbnails() -> Iterator[Thumbnails]:
    """Thumbnails of one thread."""
    made = Thumbnails(threads=1)
    yield made
    made.close()


def inside(storage: FolderStorage) -> list[str]:
    return sorted(path.name for path in storage.folder.rglob("*") if path.is_file())


def age(storage: FolderStorage, key: str) -> None:
    os.utime(storage.path(key), (time.time() - 2 * ABANDONED,) * 2)


async def add(
    database: Database,
    storage: FolderStorage,
    thumbnails: Thumbnails,
    *contents: bytes,
    house: str = "1",
    name: str = "a.txt",
    check: Callable[[object], object] = bool,
) -> list[HouseFile]:
    async with incoming(storage, thumbnails) as taking:
        for content in contents:
            taking.begin(name)
            await taking.write(content)
            await taking.end()
        async with database.writing() as db:
            rows = await service.add(db, house_id=house, stored=taking.stored, by=ME)
            check(rows)
            taking.keep()
    return rows


async def test_a_file_is_stored_recognised_and_told_of(
    database: Database, storage: FolderStorage, thumbnails: Thumbnails
) -> None:
    content = picture()
    (row,) = await add(database, storage, thumbnails, content, name="图 1.txt")

    async with database.reading() as db:
        file = await service.get(db, house_id="1", id=row.id)
        (entry,) = await audit.history(db, action="file", subject="1", limit=9)
    assert (file.name, file.media_type, file.size) == ("图 1.txt", "image/png", len(content))
    assert (file.sha256, file.created_by) == (hashlib.sha256(content).hexdigest(), "me")
    assert file.has_thumbnail
    assert inside(storage) == sorted(service.keys_of([file.key]))
    assert storage.path(file.key).read_bytes() == content
    assert (entry.action, entry.actor, '"图 1.txt"' in entry.detail) == ("file.added", "me", True)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"", "text/plain"),
        (GIF_HTML, "application/octet-stream"),
        (picture("JPEG")[:-500], "application/octet-stream"),
        (bomb(60_000, 60_000), "image/png"),
    ],
    ids=["empty", "GIF and HTML", "half an image", "bomb"],
)
async def test_what_is_no_picture_is_an_ordinary_file(
    content: bytes,
    media_type: str,
    database: Database,
    storage: FolderStorage,
    thumbnails: Thumbnails,
) -> None:
    (file,) = await add(database, storage, thumbnails, content)
    assert (file.media_type, file.size, file.has_thumbnail) == (media_type, len(content), False)
    assert inside(storage) == [file.key]


async def test_a_name_that_is_refused_leaves_nothing_of_those_before(
    database: Database, storage: FolderStorage, thumbnails: Thumbnails
) -> None:
    async with incoming(storage, thumbnails) as taking:
        taking.begin("good.png")
        await taking.write(picture())
        await taking.end()
        with pytest.raises(Invalid):
            taking.begin("..")
    assert inside(storage) == []


async def test_a_transaction_that_fails_takes_the_files_along(
    database: Database, storage: FolderStorage, thumbnails: Thumbnails
) -> None:
    def gone(_: object) -> None:
        raise NotFound("the house is gone")

    with pytest.raises(NotFound):
        await add(database, storage, thumbnails, picture(), check=gone)
    assert inside(storage) == []
    async with database.reading() as db:
        assert await service.count(db, house_id="1") == 0
        assert await audit.latest(db, limit=9) == []


async def test_one_who_goes_in_mid_commit_leaves_both_or_none(
    database: Database,
    storage: FolderStorage,
    thumbnails: Thumbnails,
) -> None:
    before = asyncio.all_tasks()
    for delay in (0, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.03):
        adding = asyncio.create_task(add(database, storage, thumbnails, b"x" * 10))
        await asyncio.sleep(delay)
        adding.cancel()
        await asyncio.wait([adding])
    if cleaning_up := asyncio.all_tasks() - before:
        await asyncio.wait(cleaning_up)
    async with database.reading() as db:
        rows, _ = await service.listing(db, house_id="1", size=100)
    assert inside(storage) == sorted(row.key for row in rows)


async def test_the_same_file_twice_is_two_files(
    database: Database, storage: FolderStorage, thumbnails: Thumbnails
) -> None:
    one, other = await asyncio.gather(
        *(add(database, storage, thumbnails, b"the same") for _ in range(2))
    )
    assert one[0].key != other[0].key
    assert len(inside(storage)) == 2


async def test_the_latest_come_first_and_go_on_from_the_last(
    database: Database, storage: FolderStorage, thumbnails: Thumbnails
) -> None:
    made = await add(database, storage, thumbnails, *[b"x"] * 5)
    await add(database, storage, thumbnails, b"x", house="2")
    newest_first = [row.id for row in reversed(made)]

    async with database.reading() as db:
        first, more = await service.listing(db, house_id="1", size=3)
        rest, no_more = await service.listing(db, house_id="1", size=3, before=first[-1].id)
        assert await service.count(db, house_id="1") == 5
    assert [row.id for row in (*first, *rest)] == newest_first
    assert (more, no_more) == (True, False)


@pytest.mark.parametrize("id", ["", "nix", "{} ", "\ud800", "x" * 1000, "%"])
async def test_an_unknown_file_is_not_found(
    id: str, database: Database, storage: FolderStorage, thumbnails: Thumbnails
) -> None:
    (file,) = await add(database, storage, thumbnails, b"x")
    for house, wanted in (("1", id.format(file.id)), ("2", file.id), ("1 ", file.id)):
        async with database.reading() as db:
            with pytest.raises(NotFound):
                await service.get(db, house_id=house, id=wanted)
        with pytest.raises(NotFound):
            async with database.writing() as db:
                await service.remove(db, house_id=house, id=wanted, by=ME)
    assert inside(storage) == [file.key]


async def test_a_file_is_removed_with_its_thumbnail(
    database: Database, storage: FolderStorage, thumbnails: Thumbnails
) -> None:
    file, other = await add(database, storage, thumbnails, picture(), b"other")

    async with database.writing() as db:
        keys = await service.remove(db, house_id="1", id=file.id, by=ME)
    await storage.remove(keys)

    assert inside(storage) == [other.key]
    async with database.reading() as db:
        assert await service.count(db, house_id="1") == 1
        (entry, *_) = await audit.latest(db, limit=1)
    assert (entry.action, entry.subject) == ("file.removed", "1")


async def test_all_files_of_a_house_go_and_no_others(
    database: Database, storage: FolderStorage, thumbnails: Thumbnails
) -> None:
    await add(database, storage, thumbnails, picture(), b"x", b"y")
    (other,) = await add(database, storage, thumbnails, b"z", house="1 a")

    async with database.writing() as db:
        keys = await service.remove_all(db, house_id="1", by=ME)
        assert await service.remove_all(db, house_id="1", by=ME) == []
    await storage.remove(keys)

    assert inside(storage) == [other.key]
    async with database.reading() as db:
        (entry, *_) = await audit.latest(db, limit=1)
    assert (entry.action, entry.count) == ("file.removed", 3)


async def test_a_sweep_removes_what_has_no_row_for_a_day_and_tells_of_rows_without_a_file(
    database: Database, storage: FolderStorage, thumbnails: Thumbnails
) -> None:
    kept, lost = await add(database, storage, thumbnails, picture(), b"lost")
    await storage.remove([lost.key])
    for key in service.keys_of([kept.key]):
        age(storage, key)
    async with incoming(storage, thumbnails) as taking:
        for content in (picture(), b"new"):
            taking.begin("orphan")
            await taking.write(content)
            await taking.end()
        taking.keep()
    old, new = taking.stored
    for key in service.keys_of([old.key]):
        age(storage, key)

    swept = await service.sweep(database, storage)

    assert (swept.drafts, swept.orphans, swept.lost) == (0, 2, [lost.key])
    assert inside(storage) == sorted([*service.keys_of([kept.key]), new.key])


async def test_a_row_may_hold_the_longest_of_everything(
    database: Database, storage: FolderStorage
) -> None:
    long = StoredFile("😀" * 255, "f" * 32, "application/" + "x" * 88, 2**40, "0" * 64, False)
    async with database.writing() as db:
        (row,) = await service.add(db, house_id="i" * 64, stored=[long], by=Actor(1, "u" * 30))
    async with database.reading() as db:
        found = await service.get(db, house_id="i" * 64, id=row.id)
    assert (found.name, found.size) == ("😀" * 255, 2**40)
