"""Files of houses, for pages and API alike: taken in, sent, removed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from quart import Quart, Response, current_app, request
from sqlalchemy.ext.asyncio import AsyncSession
from werkzeug.sansio.multipart import Data, Event, Field, File

from quartapp.audit.service import Actor
from quartapp.core.errors import Invalid, NotFound, Refusal
from quartapp.db.retry import retried
from quartapp.files import service as files
from quartapp.files import types
from quartapp.files.incoming import Incoming, incoming, thumbnail_key
from quartapp.files.models import HouseFile
from quartapp.files.storage import FolderStorage, Storage
from quartapp.files.thumbnails import MEDIA_TYPE, Thumbnails
from quartapp.houses import service as houses
from quartapp.web.db import reading, writing
from quartapp.web.downloads import Download, send
from quartapp.web.uploads import parts_of

SHOWN = 50  # files on a page
NAMELESS = "file"  # the field of a form, and the name of what has none

_KEY = "quartapp.files"


@dataclass(frozen=True)
class _Means:
    storage: Storage
    thumbnails: Thumbnails


def use_files(app: Quart, folder: Path, *, threads: int) -> None:
    """Give an application the folder for its files, which appears with the first of them.

    `threads` is how many images it looks at at once.
    """
    app.config["FILES_FOLDER"] = str(folder)
    app.extensions[_KEY] = _Means(FolderStorage(folder), Thumbnails(threads=threads))

    @app.after_serving
    async def let_go() -> None:
        _means(app).thumbnails.close()


def app_storage(app: Quart) -> Storage:
    """The storage of an application."""
    return _means(app).storage


@dataclass(frozen=True)
class Listing:
    """Some files of a house, the latest first; `older` is where to go on, empty at the end.

    `limit` is how many bytes one request may bring.
    """

    house_id: str
    rows: Sequence[HouseFile]
    total: int
    older: str
    limit: int


async def listing(house_id: str, *, before: str = "") -> Listing:
    """A page of a house's files. Raises NotFound."""
    async with reading() as db:
        await houses.get(db, id=house_id)
        rows, more = await files.listing(db, house_id=house_id, size=SHOWN, before=before)
        total = await files.count(db, house_id=house_id)
    limit = current_app.config["MAX_CONTENT_LENGTH"]
    return Listing(house_id, rows, total, rows[-1].id if more else "", limit)


@asynccontextmanager
async def received(*, house_id: str, name: str | None = None) -> AsyncIterator[Incoming]:
    """The files that the current request brings to a house, stored whole but not yet kept.

    They are those of its form or, with a `name` (which may be empty), its body. Raises NotFound,
    Invalid, NoRoom, BadRequest, RequestEntityTooLarge.
    """
    async with reading() as db:
        await houses.get(db, id=house_id)
    means = _means(current_app)
    async with incoming(means.storage, means.thumbnails) as taking:
        if name is None:
            await _receive_form(taking)
        else:
            await _receive_body(taking, name)
        yield taking


async def add(db: AsyncSession, taking: Incoming, *, house_id: str, by: Actor) -> list[HouseFile]:
    """Give what was received its rows. Raises NotFound if the house is gone meanwhile.

    The last thing in the transaction is `taking.keep()`: from then on it is the commit that says
    whether they stay.
    """
    await houses.get(db, id=house_id, for_update=True)
    return await files.add(db, house_id=house_id, stored=taking.stored, by=by)


@retried
async def remove(*, house_id: str, id: str, by: Actor) -> None:
    """Remove a file of a house. Raises NotFound."""
    async with writing() as db:
        keys = await files.remove(db, house_id=house_id, id=id, by=by)
    await app_storage(current_app).remove(keys)


async def content(*, house_id: str, id: str) -> Response:
    """The answer to the current request for the content of a file. Raises NotFound."""
    async with reading() as db:
        file = await files.get(db, house_id=house_id, id=id)
    # A picture is shown if it was looked at: one too large would bring a browser down.
    shown = file.media_type == types.TEXT or file.has_thumbnail
    return await send(
        app_storage(current_app),
        Download(file.key, file.name, file.media_type, file.sha256, file.created_at, shown),
    )


async def thumbnail(*, house_id: str, id: str) -> Response:
    """The answer to the current request for the small picture of a file. Raises NotFound."""
    async with reading() as db:
        file = await files.get(db, house_id=house_id, id=id)
    if not file.has_thumbnail:
        raise NotFound(f"the file {id!r} has no small picture")
    etag = f"{file.sha256}-small"
    picture = Download(
        thumbnail_key(file.key), f"{file.name}.webp", MEDIA_TYPE, etag, file.created_at, True
    )
    return await send(app_storage(current_app), picture)


async def _receive_form(taking: Incoming) -> None:
    """Take in each file of the form, as it arrives; a field that was left empty is none."""
    part: Event | None = None
    async for event in parts_of(request):
        if not isinstance(event, Data):
            part = event
        if isinstance(event, File) and event.filename:
            taking.begin(_as_typed(event.filename))
        elif isinstance(event, Field) and event.name == NAMELESS:
            taking.begin(NAMELESS)
        elif isinstance(event, Data):
            if event.data and isinstance(part, File) and not part.filename:
                taking.begin("")  # content without a name is refused as such
            await taking.write(event.data)
            if not event.more_data:
                await taking.end()
    if not taking.stored:
        raise _no_file()


async def _receive_body(taking: Incoming, name: str) -> None:
    """Take in the body; an empty one is a file if a name or a type says so."""
    taking.begin(name or NAMELESS)
    async for data in request.body:
        await taking.write(data)
    await taking.end()
    if not (name or request.content_type or taking.stored[0].size):
        raise _no_file()


def _no_file() -> Invalid:
    none = Refusal("missing", "is missing: no file was chosen")
    return Invalid("no file was chosen", fields={"file": none})


def _as_typed(filename: str) -> str:
    """The name as a browser's user knows it: forms write these three so (HTML, 4.10.22.8)."""
    return filename.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _means(app: Quart) -> _Means:
    return cast(_Means, app.extensions[_KEY])
