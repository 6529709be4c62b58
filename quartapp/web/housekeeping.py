"""Housekeeping: what has expired goes, about once an hour, by one of all workers on a database."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from quart import Quart

from quartapp.accounts.sessions import KEPT, DatabaseSessionStore
from quartapp.core.clock import now
from quartapp.db.database import Database
from quartapp.files import service as files
from quartapp.files.storage import clear_drafts
from quartapp.idempotency import service as idempotency
from quartapp.web import import_drafts
from quartapp.web.db import app_database
from quartapp.web.house_files import app_storage
from quartapp.web.shutdown import shutting_down

FIRST = (120.0, 300.0)  # seconds after the start
# Each worker looks at least once in the hour that a turn is for, and no two at the same moment.
PAUSE = (1800.0, 3600.0)  # seconds

_log = logging.getLogger(__name__)
_random = random.SystemRandom()


@dataclass(frozen=True)
class Tidied:
    """How many were removed of each kind; `lost` are files of which only the row is there.

    `surplus` are the sessions that were ended, as their account has too many.
    """

    sessions: int
    surplus: int
    answers: int
    orphans: int
    drafts: int
    lost: int


def install(app: Quart) -> None:
    """Let an application keep its house while it serves."""

    @app.before_serving
    async def begin() -> None:
        app.add_background_task(keep_house, app)


async def take_turn(database: Database, *, at: datetime) -> bool:
    """Whether the caller is to do the work of that hour: of all who ask, one is.

    The hour is a request that is carried out once. Raises what `Database` raises.
    """
    id = idempotency.digest("", "housekeeping", f"{at:%Y-%m-%dT%H}")
    try:
        attempt = await idempotency.begin(database, id=id, body=id)
    except idempotency.StillRunning:
        return False
    if isinstance(attempt, idempotency.Kept):
        return False
    async with database.writing() as db:
        await idempotency.keep(db, attempt, status=204, headers="{}", answer="")
    return True


async def tidy(app: Quart) -> Tidied:
    """Remove sessions, tokens and answers that are over, drafts, and files that no house has.

    Of an account with very many sessions end those that are not used.
    """
    database = app_database(app)
    store = DatabaseSessionStore(database)
    sessions = await store.prune(now=now() - KEPT)
    surplus = await store.end_surplus(now=now())
    answers = await idempotency.prune(database)
    swept = await files.sweep(database, app_storage(app))
    drafts = await asyncio.to_thread(clear_drafts, Path(app.config["UPLOAD_FOLDER"]))
    drafts += await asyncio.to_thread(import_drafts.sweep, Path(app.config["IMPORT_FOLDER"]))
    return Tidied(sessions, surplus, answers, swept.orphans, swept.drafts + drafts, len(swept.lost))


async def keep_house(app: Quart) -> None:
    """Take turns until the application is asked to end; what is being done then is left."""
    rounds = asyncio.ensure_future(_rounds(app))
    try:
        await shutting_down().wait()
    finally:
        rounds.cancel()
        await asyncio.wait([rounds])


async def _rounds(app: Quart) -> None:
    await asyncio.sleep(_random.uniform(*FIRST))
    while True:
        try:
            if await take_turn(app_database(app), at=now()):
                _tell(await tidy(app))
        except Exception:
            _log.exception("Housekeeping failed; the next hour has another turn")
        await asyncio.sleep(_random.uniform(*PAUSE))


def _tell(tidied: Tidied) -> None:
    _log.info("Housekeeping: %s", tidied)
    if tidied.lost:
        _log.warning("%d files are lost: `quartapp files sweep` names them", tidied.lost)
