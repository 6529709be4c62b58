"""Files on their way in: stored whole first, and only then given a row."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from quartapp.files import names, types
from quartapp.files.storage import BLOCK, Draft, Storage
from quartapp.files.thumbnails import NoImage, Thumbnails


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that the storage has whole, and of which no row tells yet."""

    name: str
    key: str
    media_type: str
    size: int
    sha256: str
    has_thumbnail: bool


class Incoming:
    """Takes files in, one after the other; `stored` are those that are there whole."""

    def __init__(self, storage: Storage, thumbnails: Thumbnails) -> None:
        self.stored: list[StoredFile] = []
        self._storage = storage
        self._thumbnails = thumbnails
        self._one: _Arriving | None = None
        self._keys: list[str] = []  # of all that was begun
        self._drafts: list[Draft] = []

    def begin(self, name: str) -> None:
        """Begin the next file. Raises Invalid if its name is none."""
        name = names.clean(name)
        key = uuid4().hex
        self._one = _Arriving(name, key, self._draft(key))

    async def write(self, data: bytes | bytearray) -> None:
        """Add to the end of the file that was begun. Raises NoRoom."""
        if self._one is not None:
            await self._one.write(data)

    async def end(self) -> None:
        """The file that was begun is whole; nothing if none was. Raises NoRoom."""
        if self._one is None:
            return
        arriving, self._one = self._one, None
        await arriving.finish()
        self._drafts.remove(arriving.draft)
        media_type = await asyncio.to_thread(arriving.recognizer.media_type, arriving.name)
        has_thumbnail = False
        if media_type in types.IMAGES:
            try:
                has_thumbnail = await self._add_thumbnail(arriving.key)
            except NoImage:
                media_type = types.UNKNOWN
        self.stored.append(
            StoredFile(
                name=arriving.name,
                key=arriving.key,
                media_type=media_type,
                size=arriving.size,
                sha256=arriving.digest.hexdigest(),
                has_thumbnail=has_thumbnail,
            )
        )

    def keep(self) -> None:
        """From here on a transaction decides: what it leaves without a row the sweep removes."""
        self._keys = []

    async def clear(self) -> None:
        """Remove what was begun, unless it is to be kept."""
        for draft in self._drafts:
            await draft.discard()
        await self._storage.remove(self._keys)

    async def _add_thumbnail(self, key: str) -> bool:
        picture = await self._thumbnails.make(self._storage, key)
        if picture is None:
            return False
        draft = self._draft(thumbnail_key(key))
        await draft.write(picture)
        await draft.finish()
        self._drafts.remove(draft)
        return True

    def _draft(self, key: str) -> Draft:
        draft = self._storage.draft(key)
        self._keys.append(key)
        self._drafts.append(draft)
        return draft


class _Arriving:
    """One file on its way in, and what is found out about it meanwhile."""

    def __init__(self, name: str, key: str, draft: Draft) -> None:
        self.name = name
        self.key = key
        self.draft = draft
        self.size = 0
        self.digest = hashlib.sha256()
        self.recognizer = types.Recognizer()
        self._waiting = bytearray()

    async def write(self, data: bytes | bytearray) -> None:
        self._waiting += data
        if len(self._waiting) >= BLOCK:
            await self._hand_on()

    async def finish(self) -> None:
        await self._hand_on()
        await self.draft.finish()

    async def _hand_on(self) -> None:
        block, self._waiting = bytes(self._waiting), bytearray()
        self.size += len(block)
        await asyncio.to_thread(self._look, block)
        await self.draft.write(block)

    def _look(self, block: bytes) -> None:
        self.digest.update(block)
        self.recognizer.look(block)


def thumbnail_key(key: str) -> str:
    """Where the storage has the small picture of a file."""
    return f"{key}-thumbnail"


@asynccontextmanager
async def incoming(storage: Storage, thumbnails: Thumbnails) -> AsyncIterator[Incoming]:
    """Takes files in; those that nobody keeps are gone at the end, also if the client is."""
    taking = Incoming(storage, thumbnails)
    try:
        yield taking
    finally:
        await asyncio.shield(taking.clear())
