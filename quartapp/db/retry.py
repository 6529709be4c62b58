"""Doing again what gave way to another transaction."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.exc import OperationalError

from quartapp.core.errors import NotReady

ATTEMPTS = 5
PATIENCE = 10.0  # seconds after the first attempt's beginning in which another one may begin
PAUSE = 0.01  # seconds before the second attempt, at most; doubled for each one more

# What says that another transaction was in the way. The database has kept nothing of ours then.
GAVE_WAY = {
    1020,  # MariaDB: a row was changed since this transaction first read
    1205,  # the lock of a row was not to be had in time
    1213,  # a deadlock; in a cluster also a commit that another server's one was before
    3101,  # Group Replication: the same
    8022,  # TiDB: the commit failed
    8028,  # TiDB: a table was changed meanwhile
    9007,  # TiDB: two wrote to the same row
}
SQLITE_GAVE_WAY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_random = random.SystemRandom()


def retried(
    work: Callable[Parameters, Awaitable[Result]],
) -> Callable[Parameters, Coroutine[Any, Any, Result]]:
    """Call `work` again where its transaction gave way to another one.

    For functions that open a transaction and that have no other effect before it is committed:
    what a transaction did is taken back, a message that was sent is not. A commit of which nobody
    knows whether it was done is never repeated. Raises NotReady if others were always faster.
    """

    @wraps(work)
    async def again(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        began, attempt = time.monotonic(), 1
        while True:
            try:
                return await work(*args, **kwargs)
            except OperationalError as error:
                if not gave_way(error):
                    raise
                if attempt == ATTEMPTS or time.monotonic() - began > PATIENCE:
                    raise NotReady("other transactions were always in the way") from error
            # Not all at the same time again.
            await asyncio.sleep(_random.uniform(0, PAUSE * 2 ** (attempt - 1)))
            attempt += 1

    return again


def gave_way(error: BaseException | None) -> bool:
    """Whether an error says that a transaction gave way to another one.

    Behind it too: with the transaction its savepoints are gone, and going back to one fails.
    """
    while error is not None:
        if isinstance(error, OperationalError) and _is_conflict(error.orig):
            return True
        error = error.__context__
    return False


def _is_conflict(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", 0) & 0xFF in SQLITE_GAVE_WAY
    return error is not None and error.args[:1] != () and error.args[0] in GAVE_WAY
