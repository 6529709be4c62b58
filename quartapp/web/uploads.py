"""Uploads: a multipart body parsed as it arrives and written in a thread, in big steps, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from quart import Request
from werkzeug.exceptions import BadRequest, ServiceUnavailable
from werkzeug.sansio.multipart import Data, Event, Field, File
from werkzeug.utils import secure_filename

from quartapp.core.errors import NoRoom
from quartapp.files.storage import FileDraft, clear_drafts
from quartapp.web.multipart import events


async def save_upload(request: Request, *, field: str, folder: Path) -> Path:
    """Save the first file of a form field into `folder`, under secure_filename of its name.

    The file appears whole or not at all, and replaces one of that name. Raises BadRequest if
    there is no such file or its name is none, RequestEntityTooLarge beyond MAX_CONTENT_LENGTH
    or the limits of a form, ServiceUnavailable if the disk is full.
    """
    if not boundary_of(request):
        raise BadRequest(f"There is no file in the field {field!r}.")
    draft = FileDraft(folder)
    try:
        name = await first_file(request, field, draft)
        if name is None:
            raise BadRequest(f"There is no file in the field {field!r}.")
        if not (safe := secure_filename(name)):
            raise BadRequest("No file was chosen, or nothing is left of its name.")
        return await _publish(draft, folder / safe)
    except NoRoom as error:
        raise ServiceUnavailable("There is no room left for files.") from error
    finally:
        await draft.discard()


def prepare(folder: Path) -> None:
    """Make the folder, and clear it of drafts whose process ended in mid-upload."""
    folder.mkdir(parents=True, exist_ok=True)
    clear_drafts(folder)


def boundary_of(request: Request) -> bytes:
    """What separates the parts of a multipart form; nothing if the body is none."""
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary.isascii():
        return b""
    return boundary.encode()


async def parts_of(request: Request) -> AsyncIterator[Field | File | Data]:
    """The parts of an upload as they arrive, and their data.

    Raises BadRequest if the body is no multipart form, or breaks off, RequestEntityTooLarge
    beyond MAX_CONTENT_LENGTH or the limits of a form.
    """
    boundary = boundary_of(request)
    if not boundary:
        raise BadRequest("This is no form with files.")
    told = events(
        request.body,
        boundary,
        max_memory=request.max_form_memory_size,
        max_parts=request.max_form_parts,
        max_body=request.max_content_length,
    )
    try:
        async for event in told:
            yield event
    except ValueError as error:
        raise BadRequest("The form cannot be read to its end.") from error


async def first_file(request: Request, field: str, draft: FileDraft) -> str | None:
    """Write the first file of `field` to the draft; the file's name, None if there was none."""
    part: Event | None = None
    wanted: File | None = None
    async for event in parts_of(request):
        if isinstance(event, Data):
            if part is wanted:
                await draft.write(event.data)
            continue
        part = event
        if isinstance(event, File) and event.name == field and wanted is None:
            wanted = event
    return wanted.filename if wanted else None


async def _publish(draft: FileDraft, target: Path) -> Path:
    try:
        await draft.publish(target)
    except OSError as error:
        raise BadRequest("The file system refuses this name.") from error
    return target
