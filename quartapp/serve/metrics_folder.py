"""The folder in which the workers of one server add up their metrics."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from quartapp.serve.errors import ServeError

PREFIX = "quartapp-metrics-"
YOUNG = 60.0  # seconds; a folder that nobody holds may be one that somebody has just made

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client looks at it when it is imported


@contextmanager
def metrics_folder() -> Iterator[Callable[[], None]]:
    """Make the folder, name it to the workers that will be started, and remove it at the end.

    Gives what removes it, for an end that comes at once. What a server that was killed has left is
    removed as well. Raises ServeError.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        _remove_if_left(left)
    try:
        folder = tempfile.mkdtemp(prefix=PREFIX)  # for its owner alone
    except OSError as error:
        raise ServeError(f"no folder for metrics: {error.strerror}") from None
    remove = partial(shutil.rmtree, folder, ignore_errors=True)
    held = os.open(folder, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)  # what clears old files away leaves a locked folder alone
    os.environ[VARIABLE] = folder
    try:
        yield remove
    finally:
        del os.environ[VARIABLE]
        remove()
        os.close(held)


def _remove_if_left(folder: Path) -> None:
    try:
        if time.time() - folder.stat().st_mtime < YOUNG:
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return  # gone, or somebody else's
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass  # its server runs
    finally:
        os.close(descriptor)
