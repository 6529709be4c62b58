"""A disk that is full."""

from __future__ import annotations

import errno
import os

import pytest


def fill_disk(monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """Let there be no room for what is stored beyond so many bytes."""
    write = os.write
    written = 0

    def full(descriptor: int, data: memoryview) -> int:
        nonlocal written
        written += len(data)
        if written > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr("quartapp.files.storage.os.write", full)
