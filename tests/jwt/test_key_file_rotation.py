"""Several who rotate the keys of one file at once, and disks that fail."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quartapp.jwt.key_file import KeyFile, KeyFileError
from quartapp.jwt.keys import KeyRing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "keys.json"


@pytest.fixture
def file(path: Path) -> KeyFile:
    """A file with one key."""
    made = KeyFile(path)
    made.rotate()
    return made


def test_threads_that_rotate_at_once_lose_no_key(file: KeyFile) -> None:
    made = [file.read().signing.kid]

    def rotate() -> None:
        made.append(KeyFile(file.path).rotate().kid)

    threads = [threading.Thread(target=rotate) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ring = file.read()
    assert sorted(key.kid for key in ring.keys) == sorted(made)
    assert len([key for key in ring.keys if key.signs]) == 1


def test_processes_that_rotate_at_once_lose_no_key(file: KeyFile) -> None:
    program = (
        "import sys; from quartapp.jwt import KeyFile; file = KeyFile(sys.argv[1])\n"
        "for _ in range(5): print(file.rotate().kid)"
    )
    command = [sys.executable, "-c", program, str(file.path)]
    made = {file.read().signing.kid}

    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for process in running:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        made |= set(output.split())

    assert {key.kid for key in file.read().keys} == made
    assert len(made) == 16


def test_who_reads_meanwhile_sees_whole_files_alone(file: KeyFile) -> None:
    seen, done = [], threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(len(KeyFile(file.path).read().keys))

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(10):
        file.rotate()
    done.set()
    reader.join()

    assert seen == sorted(seen)


@pytest.mark.parametrize("broken", ["fsync", "write"])
def test_a_disk_that_fails_leaves_the_old_file_and_no_draft(
    broken: str, file: KeyFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    target: Callable[..., Any] = fail
    if broken == "fsync":
        monkeypatch.setattr(os, "fsync", target)
    else:
        monkeypatch.setattr(KeyRing, "rotated", target)
    with pytest.raises(KeyFileError, match="No space left"):
        file.rotate()

    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir()) == ["keys.json", "keys.json.lock"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_leaves_the_file_to_the_account_of_the_server(path: Path) -> None:
    path.parent.mkdir()
    os.chown(path.parent, 12_345, 12_345)
    KeyFile(path).rotate()
    assert {p.stat().st_uid for p in path.parent.iterdir()} == {12_345}

    os.chown(path, 23_456, 12_345)
    KeyFile(path).rotate()
    assert path.stat().st_uid == 23_456


def test_a_link_in_the_place_of_the_lock_leads_nowhere(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("x")
    path.parent.mkdir()
    (path.parent / "keys.json.lock").symlink_to(other)

    with pytest.raises(KeyFileError, match="symbolic links"):
        KeyFile(path).rotate()
