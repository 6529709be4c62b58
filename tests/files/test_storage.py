"""The folder of files: each whole or not there, under a name that nobody chose."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quartapp.core.errors import NoRoom, NotFound
from quartapp.files.storage import ABANDONED, BLOCK, FolderStorage, read

KEY = "0f" * 16


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    """A storage whose folder is still to be made."""
    return FolderStorage(tmp_path / "deep" / "files")


def inside(storage: FolderStorage) -> list[str]:
    found = storage.folder.rglob("*")
    return sorted(str(p.relative_to(storage.folder)) for p in found if p.is_file())


async def store(storage: FolderStorage, content: bytes, key: str = KEY) -> None:
    draft = storage.draft(key)
    try:
        await draft.write(content)
        await draft.finish()
    finally:
        await draft.discard()


async def content_of(storage: FolderStorage, start: int, stop: int) -> bytes:
    with await asyncio.to_thread(storage.open, KEY) as file:
        return b"".join([block async for block in read(file, start, stop)])


async def test_what_is_written_is_there_when_it_is_finished(storage: FolderStorage) -> None:
    content = os.urandom(3 * BLOCK + 5)
    draft = storage.draft(KEY)
    for start in range(0, len(content), 100_000):
        await draft.write(content[start : start + 100_000])
    with pytest.raises(NotFound):
        storage.open(KEY)
    await draft.finish()
    await draft.discard()
    assert inside(storage) == [f"0f/{KEY}"]
    assert await content_of(storage, 0, len(content)) == content
    assert await content_of(storage, 10, 2 * BLOCK) == content[10 : 2 * BLOCK]


async def test_an_empty_file_is_a_file(storage: FolderStorage) -> None:
    await store(storage, b"")
    assert await content_of(storage, 0, 0) == b""


async def test_only_the_owner_can_read(storage: FolderStorage) -> None:
    await store(storage, b"x")
    path = storage.path(KEY)
    modes = [p.stat().st_mode & 0o777 for p in (storage.folder, path.parent, path)]
    assert modes == [0o700, 0o700, 0o600]


@pytest.mark.parametrize(
    "key", ["", "..", "../" * 10 + "etc/passwd", "/etc/passwd", "a", "A" * 32, "g" * 32, f"{KEY}-"]
)
async def test_what_is_no_key_leads_nowhere(key: str, storage: FolderStorage) -> None:
    for use in (storage.path, storage.draft, storage.open):
        with pytest.raises(ValueError, match="is no key"):
            use(key)
    with pytest.raises(ValueError, match="is no key"):
        await storage.remove([key])


@pytest.mark.parametrize("call", ["mkdir", "open", "write", "fsync", "rename"])
@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT])
async def test_a_full_disk_leaves_nothing(
    call: str, reason: int, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(f"quartapp.files.storage.os.{call}", full)
    with pytest.raises(NoRoom):
        await store(storage, b"x" * 10)
    monkeypatch.undo()
    assert inside(storage) == []


async def test_another_failure_of_the_disk_is_none_of_room(
    storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("quartapp.files.storage.os.write", broken)
    with pytest.raises(OSError, match="Input/output"):
        await store(storage, b"x")
    monkeypatch.undo()
    assert inside(storage) == []


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
async def test_a_draft_that_is_given_up_while_a_thread_works_on_it_leaves_nothing_half(
    call: str, storage: FolderStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = asyncio.all_tasks()
    begun, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    real: Callable[..., Any] = getattr(os, call)

    def slow(*args: Any) -> Any:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(5)
        return real(*args)

    monkeypatch.setattr(f"quartapp.files.storage.os.{call}", slow)
    storing = asyncio.create_task(store(storage, b"x" * BLOCK))
    await begun.wait()
    storing.cancel()
    await asyncio.sleep(0.01)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await storing
    if cleaning_up := asyncio.all_tasks() - before:
        await asyncio.wait(cleaning_up)
    monkeypatch.undo()
    # It may have been finished by then, but whole.
    assert inside(storage) in ([], [f"0f/{KEY}"])
    if inside(storage):
        assert storage.path(KEY).stat().st_size == BLOCK


async def test_what_is_removed_stays_readable_for_those_who_read_it(
    storage: FolderStorage,
) -> None:
    await store(storage, b"content")
    with await asyncio.to_thread(storage.open, KEY) as file:
        await storage.remove([KEY, "ab" * 16])
        assert file.read() == b"content"
    assert inside(storage) == []


async def test_the_keys_are_told_by_their_beginning(storage: FolderStorage) -> None:
    assert await storage.keys("0f") == []
    await store(storage, b"x")
    await store(storage, b"x", f"{KEY}-thumbnail")
    await store(storage, b"x", "ab" * 16)
    (storage.folder / "0f" / "notes.txt").write_bytes(b"not ours")
    found = await storage.keys("0f")
    assert sorted(entry.key for entry in found) == [KEY, f"{KEY}-thumbnail"]
    assert all(-1 < entry.age < 60 for entry in found)


async def test_drafts_of_dead_processes_are_cleared(storage: FolderStorage) -> None:
    assert await storage.clear() == 0
    await store(storage, b"x")
    for name, age in (("old", 2 * ABANDONED), ("new", 10)):
        draft = storage.folder / f".{name}.part"
        draft.write_bytes(b"half")
        os.utime(draft, (time.time() - age,) * 2)
    assert await storage.clear() == 1
    assert inside(storage) == [".new.part", f"0f/{KEY}"]
