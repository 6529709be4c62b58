"""The folder in which the workers of one server add up their metrics."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from quartapp.serve.errors import ServeError

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client looks at it when it is imported


@contextmanager
def metrics_folder() -> Iterator[Callable[[], None]]:
    """Make the folder, name it to the workers that will be started, and remove it at the end.

    Gives what removes it, for an end that comes at once. Raises ServeError.
    """
    try:
        folder = tempfile.mkdtemp(prefix="quartapp-metrics-")  # for its owner alone
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
