"""Files that wait to be imported: each is seen by the person alone who sent it, for a day."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from quart import Request, current_app

from quartapp.core.errors import Invalid, NotFound, Refusal
from quartapp.files.storage import ABANDONED, FileDraft
from quartapp.web.uploads import boundary_of, first_file

FIELD = "file"
KEY = re.compile(r"[0-9a-f]{32}", re.ASCII)


async def receive(request: Request, *, owner: str) -> str:
    """Keep the file of a form; the key by which its owner finds it again.

    Raises Invalid if there is none, NoRoom, and what `parts_of` raises for a form that is none.
    """
    folder = Path(current_app.config["IMPORT_FOLDER"])
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True, mode=0o700)
    draft = FileDraft(folder, mode=0o600)
    try:
        if not boundary_of(request) or not await first_file(request, FIELD, draft):
            why = Refusal("missing", "No file was chosen.")
            raise Invalid("there is no file in the form", fields={FIELD: why})
        key = secrets.token_hex(16)
        await draft.publish(_path(key, owner))
    finally:
        await draft.discard()
    return key


@asynccontextmanager
async def opened(key: str, *, owner: str) -> AsyncIterator[BinaryIO]:
    """The file of that key. Raises NotFound if it is gone, or another person's."""
    missing = NotFound("there is no such file that waits to be imported")
    if not KEY.fullmatch(key):
        raise missing
    try:
        file = await asyncio.to_thread(_path(key, owner).open, "rb")
    except FileNotFoundError:
        raise missing from None
    try:
        yield file
    finally:
        await asyncio.to_thread(file.close)


async def remove(key: str, *, owner: str) -> None:
    """Forget the file of that key, if there is one."""
    if KEY.fullmatch(key):
        await asyncio.to_thread(_path(key, owner).unlink, missing_ok=True)


def _path(key: str, owner: str) -> Path:
    """Where a file waits. Its name holds whose it is: nobody else's key leads there."""
    whose = hashlib.sha256(owner.encode()).hexdigest()[:16]
    return Path(current_app.config["IMPORT_FOLDER"]) / f"{whose}-{key}"


def sweep(folder: Path) -> int:
    """Remove what has waited for more than a day; how many files that were."""
    old = []
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):  # imported, or given up, meanwhile
            if time.time() - path.stat().st_mtime > ABANDONED:
                old.append(path)
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
