"""Files of a house: list, add, read, send, delete."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from quart import Blueprint, Response, request, url_for
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.http import parse_options_header

from quartapp.db.retry import retried
from quartapp.files import service as files
from quartapp.files.incoming import Incoming
from quartapp.files.models import HouseFile
from quartapp.files.names import LENGTH
from quartapp.houses import service as houses
from quartapp.web import house_files
from quartapp.web.api.models import DIGITS, Out, Query
from quartapp.web.api.once import Once, once
from quartapp.web.api.operations import (
    FORM,
    IDEMPOTENCY_KEY,
    IF_NONE_MATCH,
    Answer,
    Operation,
    Upload,
    answer,
    nothing,
)
from quartapp.web.api.tokens import caller
from quartapp.web.db import reading, writing

bp = Blueprint("files", __name__)

MISSING = "There is no such house, or it has no such file."
PART = "The part that the header Range asks for: one range of bytes."
MULTIPART = "multipart/form-data"
BINARY = {"type": "string", "format": "binary"}
_NEVER = r"/\\\x00-\x1f\x7f-\x9f"  # in a name: folders, control characters
SENT = ["ETag", "Content-Disposition"]


class FileOut(Out):
    """A file of a house; `mediaType` was recognised by its content.

    `content` and `thumbnail` are addresses; there is a thumbnail of images alone.
    """

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    created_at: datetime
    created_by: str
    content: str
    thumbnail: str | None

    @classmethod
    def of(cls, file: HouseFile) -> FileOut:
        """A file as the API shows it."""
        place: dict[str, Any] = {"house_id": file.house_id, "file_id": file.id}
        picture = url_for("api.files.read_thumbnail", **place) if file.has_thumbnail else None
        return cls(
            content=url_for("api.files.read_content", **place),
            thumbnail=picture,
            **{name: getattr(file, name) for name in _COLUMNS},
        )


_COLUMNS = ("id", "name", "media_type", "size", "sha256", "created_at", "created_by")


class FilePage(Out):
    """Some files of a house, the latest first; `next` is an address, null at the end."""

    items: list[FileOut]
    total: int
    next: str | None


class FilesAdded(Out):
    """The files that were added, in the order in which they came."""

    items: list[FileOut]


class FileQuery(Query):
    """Which files, and how many."""

    size: Annotated[int, Field(ge=1, le=100, description="The most files in a page."), DIGITS] = 20
    before: Annotated[
        str | None,
        Field(description="Go on behind a file, from a `next`.", pattern="^[0-9a-f]{32}$"),
    ] = None


class NameQuery(Query):
    """What a body that is a file is called."""

    name: Annotated[
        str | None,
        Field(
            description="The name of a body that is one file; else Content-Disposition has it.",
            examples=["平面图.pdf"],
            max_length=LENGTH,
            pattern=rf"^[^{_NEVER}]*[^{_NEVER}\s.][^{_NEVER}]*$",
        ),
    ] = None


@bp.get("/houses/<house:house_id>/files")
@Operation(
    id="listFiles",
    summary="List the files of a house",
    scopes=["houses:read"],
    query=FileQuery,
    answers={200: Answer("A page of files.", FilePage)},
    refusals={404: "There is no such house."},
)
async def list_files(house_id: str, query: FileQuery) -> Response:
    """List the files, the latest first."""
    async with reading() as db:
        await houses.get(db, id=house_id)
        found, more = await files.listing(
            db, house_id=house_id, size=query.size, before=query.before or ""
        )
        total = await files.count(db, house_id=house_id)
    on = (
        url_for(".list_files", house_id=house_id, size=query.size, before=found[-1].id)
        if more
        else None
    )
    return answer(FilePage(items=[FileOut.of(file) for file in found], total=total, next=on))


@bp.post("/houses/<house:house_id>/files")
@Operation(
    id="addFiles",
    summary="Add files to a house",
    scopes=["files:write"],
    query=NameQuery,
    body=Upload(
        "A form with files, of which all are added or none; or the content of one file, which has"
        " its name in the query or in Content-Disposition, under any other type.",
        {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "array", "items": BINARY, "minItems": 1}},
                    "required": ["file"],
                }
            },
            "application/octet-stream": {"schema": BINARY},
        },
    ),
    headers=[IDEMPOTENCY_KEY],
    answers={201: Answer("They are stored whole.", FilesAdded, headers=["Location"])},
    refusals={404: "There is no such house.", 507: "There is no room left for files."},
)
async def add_files(house_id: str, query: NameQuery) -> Response:
    """Add the files of a form, or a body."""
    name = _name_of_body(query.name)
    stored = house_files.received(house_id=house_id, name=name)
    async with stored as taking, once(_told(taking)) as attempt:
        if attempt.kept:
            return attempt.kept
        return await _keep(taking, attempt, house_id)


@bp.get("/houses/<house:house_id>/files/<file_id>")
@Operation(
    id="readFile",
    summary="Read what is known of a file",
    scopes=["houses:read"],
    answers={200: Answer("The file.", FileOut)},
    refusals={404: MISSING},
)
async def read_file(house_id: str, file_id: str) -> Response:
    """Read what is known of a file."""
    async with reading() as db:
        file = await files.get(db, house_id=house_id, id=file_id)
    return answer(FileOut.of(file))


@bp.get("/houses/<house:house_id>/files/<file_id>/content")
@Operation(
    id="readContent",
    summary="Read the content of a file",
    scopes=["houses:read"],
    headers=[IF_NONE_MATCH],
    answers={
        200: Answer("The content.", media="*/*", schema=BINARY, headers=SENT),
        206: Answer(PART, media="*/*", schema=BINARY, headers=SENT),
        304: Answer("It is still the one with that ETag.", headers=["ETag"]),
    },
    refusals={404: MISSING, 412: "If-Match names another ETag.", 416: "It has no such part."},
)
async def read_content(house_id: str, file_id: str) -> Response:
    """Read the content of a file, or a part of it."""
    return await house_files.content(house_id=house_id, id=file_id)


@bp.get("/houses/<house:house_id>/files/<file_id>/thumbnail")
@Operation(
    id="readThumbnail",
    summary="Read the small picture of an image",
    scopes=["houses:read"],
    headers=[IF_NONE_MATCH],
    answers={
        200: Answer("The picture.", media="image/webp", schema=BINARY, headers=SENT),
        206: Answer(PART, media="image/webp", schema=BINARY, headers=SENT),
        304: Answer("It is still the one with that ETag.", headers=["ETag"]),
    },
    refusals={
        404: "There is no such file, or it is no image.",
        412: "If-Match names another ETag.",
        416: "It has no such part.",
    },
)
async def read_thumbnail(house_id: str, file_id: str) -> Response:
    """Read the small picture of an image."""
    return await house_files.thumbnail(house_id=house_id, id=file_id)


@bp.delete("/houses/<house:house_id>/files/<file_id>")
@Operation(
    id="deleteFile",
    summary="Delete a file",
    scopes=["files:write"],
    answers={204: Answer("It is gone.")},
    refusals={404: MISSING},
)
async def remove_file(house_id: str, file_id: str) -> Response:
    """Delete a file."""
    await house_files.remove(house_id=house_id, id=file_id, by=caller().actor)
    return nothing()


@retried
async def _keep(taking: Incoming, attempt: Once, house_id: str) -> Response:
    async with writing() as db:
        rows = await house_files.add(db, taking, house_id=house_id, by=caller().actor)
        done = _added(rows)
        await attempt.keep(db, done)
        taking.keep()
    return done


def _name_of_body(asked: str | None) -> str | None:
    """What a body is called that is a file, if anything says it; None if it is a form.

    Raises UnsupportedMediaType.
    """
    if request.mimetype == MULTIPART:
        return None
    if request.mimetype == FORM:
        raise UnsupportedMediaType("A form that holds files must be multipart/form-data.")
    _, options = parse_options_header(request.headers.get("Content-Disposition", ""))
    return asked or options.get("filename") or ""


def _told(taking: Incoming) -> str:
    """What the body said, for telling it from another."""
    return "\n".join(f"{file.sha256} {file.name}" for file in taking.stored)


def _added(rows: list[HouseFile]) -> Response:
    first: dict[str, Any] = {"house_id": rows[0].house_id, "file_id": rows[0].id}
    headers = {"Location": url_for(".read_file", **first)}
    return answer(FilesAdded(items=[FileOut.of(row) for row in rows]), 201, headers=headers)
