"""The folder of a server's metrics: what a killed server left is cleared away, nothing else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from quartapp.serve.metrics_folder import VARIABLE, YOUNG, metrics_folder


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path


def make_old(folder: Path) -> None:
    at = folder.stat().st_mtime - YOUNG - 1
    os.utime(folder, (at, at))


def test_it_is_there_while_the_server_is(folders: Path) -> None:
    with metrics_folder():
        assert [str(path) for path in folders.iterdir()] == [os.environ[VARIABLE]]
    assert not list(folders.iterdir())
    assert VARIABLE not in os.environ


def test_what_a_killed_server_left_is_removed_and_nobody_elses(folders: Path) -> None:
    left, young, others = (
        folders / name for name in ("quartapp-metrics-a", "quartapp-metrics-b", "others")
    )
    for folder in (left, young, others):
        folder.mkdir()
        (folder / "file").touch()
    make_old(left)
    make_old(others)
    with metrics_folder():
        running = Path(os.environ[VARIABLE])
        make_old(running)
        os.environ.pop(VARIABLE)
        with metrics_folder():
            assert running.exists()
        os.environ[VARIABLE] = str(running)
    assert set(folders.iterdir()) == {young, others}
