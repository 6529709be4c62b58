"""Uploads: a multipart body parsed as it arrives and written in a thread, in big steps, once."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Lock
from uuid import uuid4

from quart import Request
from werkzeug.exceptions import BadRequest, ServiceUnavailable
from werkzeug.sansio.multipart import Event, Field, File
from werkzeug.utils import secure_filename

from quartapp.web.multipart import events

BLOCK = 2**20  # bytes written at once
ABANDONED = 24 * 3600  # seconds after which nobody writes a draft to its end
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


async def save_upload(request: Request, *, field: str, folder: Path) -> Path:
    """Save the first file of a form field into `folder`, under secure_filename of its name.

    The file appears whole or not at all, and replaces one of that name. Raises BadRequest if
    there is no such file or its name is none, RequestEntityTooLarge beyond MAX_CONTENT_LENGTH
    or the limits of a form, ServiceUnavailable if the disk is full.
    """
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary.isascii() or not boundary:
        raise BadRequest(f"There is no file in the field {field!r}.")
    async with _draft(folder) as draft:
        try:
            name = await _receive(request, boundary.encode(), field, draft)
        except ValueError as error:
            raise BadRequest("The form cannot be read to its end.") from error
        if name is None:
            raise BadRequest(f"There is no file in the field {field!r}.")
        if not (safe := secure_filename(name)):
            raise BadRequest("No file was chosen, or nothing is left of its name.")
        return await draft.publish(safe)


async def _receive(request: Request, boundary: bytes, field: str, draft: _Draft) -> str | None:
    """Write the first file of `field` to the draft; the file's name, None if there was none."""
    told = events(
        request.body,
        boundary,
        max_memory=request.max_form_memory_size,
        max_parts=request.max_form_parts,
        max_body=request.max_content_length,
    )
    part: Event | None = None
    wanted: File | None = None
    async for event in told:
        if isinstance(event, (Field, File)):
            part = event
            if isinstance(event, File) and event.name == field and wanted is None:
                wanted = event
        elif part is wanted:
            await draft.write(event.data)
    return wanted.filename if wanted else None


class _Draft:
    """A file that is being written beside its place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / f".{uuid4().hex}.part"
        self._descriptor: int | None = None
        self._waiting = bytearray()
        # A thread goes on when the task that waits for it is cancelled: nobody may close the
        # file, or remove it, under one that is still at work.
        self._alone = Lock()
        self._discarded = False

    async def write(self, data: bytes | bytearray) -> None:
        self._waiting += data
        if len(self._waiting) >= BLOCK:
            await self._flush()

    async def publish(self, name: str) -> Path:
        """Put the file in its place. Raises BadRequest if the file system refuses the name."""
        await self._flush()
        target = self.folder / name
        try:
            await asyncio.to_thread(self._move, target)
        except OSError as error:
            raise BadRequest("The file system refuses this name.") from error
        return target

    async def _flush(self) -> None:
        block, self._waiting = bytes(self._waiting), bytearray()
        try:
            await asyncio.to_thread(self._append, block)
        except OSError as error:
            if error.errno in DISK_FULL:
                raise ServiceUnavailable("There is no room left for files.") from error
            raise

    def _append(self, block: bytes) -> None:
        with self._alone:
            if self._descriptor is None and not self._discarded:
                self.folder.mkdir(parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
                self._descriptor = os.open(self.path, flags, 0o666)
            view = memoryview(block)
            while view and self._descriptor is not None:
                view = view[os.write(self._descriptor, view) :]

    def _move(self, target: Path) -> None:
        with self._alone:
            self._close()
            self.path.replace(target)

    def discard(self) -> None:
        """Remove the file, unless it is in its place by now."""
        with self._alone:
            self._discarded = True
            self._close()
            self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def prepare(folder: Path) -> None:
    """Make the folder, and clear it of drafts whose process ended in mid-upload."""
    folder.mkdir(parents=True, exist_ok=True)
    for draft in folder.glob(".*.part"):
        if time.time() - draft.stat().st_mtime > ABANDONED:
            draft.unlink(missing_ok=True)


@asynccontextmanager
async def _draft(folder: Path) -> AsyncIterator[_Draft]:
    """A draft that is gone at the end, published or not, also if the client is."""
    draft = _Draft(folder)
    try:
        yield draft
    finally:
        await asyncio.shield(asyncio.to_thread(draft.discard))
