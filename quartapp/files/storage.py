"""Where the content of files is: a small protocol, and a folder that keeps it."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import time
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import BinaryIO, NamedTuple, Protocol
from uuid import uuid4

from quartapp.core.errors import NoRoom, NotFound

BLOCK = 2**20  # bytes written, and read, at once
ABANDONED = 24 * 3600  # seconds after which nobody writes a draft to its end
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
DRAFTS = re.compile(r"\..*\.part")
KEY = re.compile(r"[0-9a-f]{32}(-[a-z]{1,20})?", re.ASCII)


class Entry(NamedTuple):
    """What the storage has under a key, and how many seconds ago that was written."""

    key: str
    age: float


class Draft(Protocol):
    """A file that is being written, and can be seen by nobody."""

    async def write(self, data: bytes | bytearray) -> None:
        """Add to its end. Raises NoRoom."""

    async def finish(self) -> None:
        """Let it be seen, whole and lasting, under its key. Raises NoRoom."""

    async def discard(self) -> None:
        """Forget it, unless it is finished; every draft ends with this."""


class Storage(Protocol):
    """What keeps the content of files, each under a key of 32 hexadecimal digits.

    What goes with a file has its key with a dash and a word behind it.
    """

    def draft(self, key: str) -> Draft:
        """A draft of what is to be had under a key."""

    def open(self, key: str) -> BinaryIO:
        """The content, to be read in a thread; it stays readable when removed. Raises NotFound."""

    async def remove(self, keys: Iterable[str]) -> None:
        """Remove what is there of these."""

    async def keys(self, beginning: str) -> list[Entry]:
        """What there is whose key has that beginning of two digits."""

    async def clear(self) -> int:
        """Remove the drafts that nobody writes any more; how many there were."""


async def read(file: BinaryIO, start: int, stop: int) -> AsyncGenerator[bytes, None]:
    """The bytes of an open file from `start` up to `stop`, in blocks, each read in a thread."""
    await asyncio.to_thread(file.seek, start)
    while start < stop:
        block = await asyncio.to_thread(file.read, min(BLOCK, stop - start))
        if not block:
            return
        start += len(block)
        yield block


class FileDraft:
    """A draft in a folder, and the file that it becomes."""

    def __init__(self, folder: Path, *, mode: int = 0o666) -> None:
        self.folder = folder
        self.path = folder / f".{uuid4().hex}.part"
        self._mode = mode
        self._descriptor: int | None = None
        self._waiting = bytearray()
        # A thread goes on when the task that waits for it is cancelled: nobody may close the
        # file, or remove it, under one that is still at work.
        self._alone = Lock()
        self._discarded = False

    async def write(self, data: bytes | bytearray) -> None:
        """Add to its end. Raises NoRoom."""
        self._waiting += data
        if len(self._waiting) >= BLOCK:
            await self._flush()

    async def publish(self, target: Path) -> None:
        """Put the file in its place. Raises NoRoom, OSError if the file system refuses the name."""
        await self._flush()
        await asyncio.to_thread(self._move, target)

    async def discard(self) -> None:
        """Remove the file, unless it is in its place by now; also if the task is cancelled."""
        await asyncio.shield(asyncio.to_thread(self._discard))

    async def _flush(self) -> None:
        block, self._waiting = bytes(self._waiting), bytearray()
        await asyncio.to_thread(self._append, block)

    def _append(self, block: bytes) -> None:
        with self._alone, room_is_left():
            if self._descriptor is None and not self._discarded:
                self._make_folder(self.folder)
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
                self._descriptor = os.open(self.path, flags, self._mode)
            view = memoryview(block)
            while view and self._descriptor is not None:
                view = view[os.write(self._descriptor, view) :]

    def _make_folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)

    def _move(self, target: Path) -> None:
        with self._alone:
            self._close()
            self.path.replace(target)

    def _discard(self) -> None:
        with self._alone:
            self._discarded = True
            self._close()
            self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class FolderStorage:
    """Keeps files in a folder that its owner alone can read, spread over 256 sub-folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Where a key is kept. Raises ValueError for what is no key."""
        if not KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no key")
        return self.folder / key[:2] / key

    def draft(self, key: str) -> Draft:
        """A draft of what is to be had under a key."""
        return _LastingDraft(self.folder, self.path(key))

    def open(self, key: str) -> BinaryIO:
        """The content, to be read in a thread; it stays readable when removed. Raises NotFound."""
        try:
            return self.path(key).open("rb")
        except FileNotFoundError:
            raise NotFound(f"the storage has nothing under {key!r}") from None

    async def remove(self, keys: Iterable[str]) -> None:
        """Remove what is there of these."""
        await asyncio.to_thread(self._remove, [self.path(key) for key in keys])

    async def keys(self, beginning: str) -> list[Entry]:
        """What there is whose key has that beginning of two digits."""
        return await asyncio.to_thread(lambda: list(_entries(self.folder / beginning, KEY)))

    async def clear(self) -> int:
        """Remove the drafts that nobody writes any more; how many there were."""
        return await asyncio.to_thread(clear_drafts, self.folder)

    @staticmethod
    def _remove(paths: list[Path]) -> None:
        for path in paths:
            path.unlink(missing_ok=True)


class _LastingDraft(FileDraft):
    """A draft that is still there after a power failure, once it is finished."""

    def __init__(self, folder: Path, target: Path) -> None:
        super().__init__(folder, mode=0o600)
        self._target = target

    async def finish(self) -> None:
        """Let it be seen, whole and lasting, under its key. Raises NoRoom."""
        await self.publish(self._target)

    def _make_folder(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)

    def _move(self, target: Path) -> None:
        with self._alone, room_is_left():
            if self._descriptor is None:
                return  # discarded meanwhile
            os.fsync(self._descriptor)
            self._close()
            self._make_folder(target.parent)
            self.path.rename(target)
            for folder in (target.parent, self.folder):
                _sync_folder(folder)


def clear_drafts(folder: Path) -> int:
    """Remove the drafts of a folder whose process ended in mid-upload; how many there were."""
    old = [draft.key for draft in _entries(folder, DRAFTS) if draft.age > ABANDONED]
    for name in old:
        (folder / name).unlink(missing_ok=True)
    return len(old)


@contextmanager
def room_is_left() -> Iterator[None]:
    """Raise NoRoom where the file system has none."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise NoRoom("there is no room left for files") from error
        raise


def _entries(folder: Path, names: re.Pattern[str]) -> Iterator[Entry]:
    """The files of a folder with such names; none where there is no folder."""
    now = time.time()
    for path in folder.iterdir() if folder.is_dir() else ():
        try:
            if names.fullmatch(path.name):
                yield Entry(path.name, now - path.stat().st_mtime)
        except FileNotFoundError:  # removed meanwhile
            continue


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
