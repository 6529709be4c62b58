"""A house to which files are brought, and a look at what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from quart import Quart

from quartapp.audit.service import Actor
from quartapp.db.database import Database
from quartapp.files import service
from quartapp.files.models import HouseFile
from quartapp.files.storage import FolderStorage
from quartapp.houses import service as houses
from quartapp.web.db import app_database
from tests.web.wire import Heard, in_chunks, multipart, speak

if TYPE_CHECKING:
    from quart.testing.client import QuartClient

ME = Actor(None, "test")
HOUSE = "a/1 福"  # an id that needs spelling
PAGE = f"/house/{quote('a~11 福')}"
FILES = f"{PAGE}/files"


async def make_house(database: Database, id: str = HOUSE) -> None:
    """A house to bring files to."""
    async with database.writing() as db:
        await houses.create(
            db, id=id, project_no=None, project_name="x", project_address=None, by=ME
        )


def stored(app: Quart) -> list[str]:
    """What is in the folder of files, drafts included."""
    folder = Path(app.config["FILES_FOLDER"])
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def rows(database: Database) -> Sequence[HouseFile]:
    async with database.reading() as db:
        found, _ = await service.listing(db, house_id=HOUSE, size=100)
    return found


async def is_whole(app: Quart, database: Database) -> bool:
    """Whether there is a file for each row, and a row for each file, and nothing else."""
    found = await rows(database)
    keys = [key for row in found for key in service.keys_of([row.key])[: 1 + row.has_thumbnail]]
    storage = FolderStorage(Path(app.config["FILES_FOLDER"]))
    sizes = [storage.path(row.key).stat().st_size for row in found]
    return stored(app) == sorted(keys) and sizes == [row.size for row in found]


def cookie_of(browser: QuartClient) -> tuple[str, str]:
    jar: Any = browser.cookie_jar
    return "Cookie", "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


async def upload(
    app: Quart,
    browser: QuartClient,
    *files: tuple[str, bytes],
    path: str = FILES,
    script: bool = False,
    cut: int | None = None,
    hang_up: bool = False,
) -> Heard:
    kind, body = multipart(*(("file", name, content) for name, content in files))
    sent = [cookie_of(browser)] + ([("Accept", "application/json")] if script else [])
    chunks = in_chunks(body[:cut])
    return await speak(app, path, chunks, content_type=kind, sent=sent, hang_up=hang_up)


async def one(app: Quart, browser: QuartClient, name: str, content: bytes) -> str:
    """The address of a file that was just added."""
    assert (await upload(app, browser, (name, content))).status == 303
    found = await rows(app_database(app))
    return f"{FILES}/{found[0].id}"
