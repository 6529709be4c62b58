"""Metrics of several processes: each keeps its numbers in files, in a slot that it holds.

prometheus_client names such files by process id. Those of dead processes could never go, or
counters would go backwards, and where workers are renewed they would pile up. A slot is passed on:
whoever takes one over counts on from where the last holder stopped.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from prometheus_client.multiprocess import mark_process_dead

# Bytes that one process may write, reserved on the disk at once: a page of a mapped file that finds
# no room later on kills the process. Every method on every route is half of that.
SIZES = {"counter": 2**19, "gauge_livesum": 2**14, "histogram": 2**21}

_held: list[int] = []  # a lock lasts as long as its descriptor is open: until this process ends


def take(folder: Path) -> int:
    """Hold the first slot that is free, with its files made, until this process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with _turn(folder):
        slot = next(slot for slot in count() if _hold(folder, slot))
        mark_process_dead(slot, str(folder))
        for kind, size in SIZES.items():
            _reserve(folder / f"{kind}_{slot}.db", size)
    return slot


def files(folder: Path) -> list[str]:
    """The files of all slots; gauges, which tell of now, only of processes that live."""
    with _turn(folder):
        for lock in folder.glob("*.lock"):
            descriptor = os.open(lock, os.O_RDWR)
            if _locked(descriptor):
                mark_process_dead(int(lock.stem), str(folder))
            os.close(descriptor)
    return [str(path) for path in folder.glob("*.db")]


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Nobody else takes a slot within the block, or looks at one, which takes it for a moment."""
    with (folder / "turn").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _hold(folder: Path, slot: int) -> bool:
    descriptor = os.open(folder / f"{slot}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    if _locked(descriptor):
        _held.append(descriptor)
        return True
    os.close(descriptor)
    return False


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _reserve(path: Path, size: int) -> None:
    """Make a file whose every byte has its place on the disk, unless there is one."""
    if path.exists():
        return
    draft = path.with_suffix(".new")
    draft.write_bytes(bytes(size))
    draft.rename(path)  # nobody reads one that is half made
