"""What `/readyz` looks at: whether the database, the migrations and the disk are as needed."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import cast

from quart import Quart

from quartapp.core.errors import NotReady
from quartapp.db.database import Database
from quartapp.web.db import app_database
from quartapp.web.middleware.probes import Check, Probes
from quartapp.web.shutdown import is_shutting_down

_KEY = "quartapp.readiness"


def use_probes(app: Quart, *, folders: Iterable[Path], min_free_bytes: int) -> None:
    """Wrap all that the application is by now in `/livez` and `/readyz`; so call it last."""
    database = app_database(app)
    app.extensions[_KEY] = {
        "database": _answers(database),
        "migrations": _at_head(database),
        "disk": _has_room(tuple(folders), min_free_bytes),
    }
    probes = Probes(app.asgi_app, app.extensions[_KEY], partial(is_shutting_down, app))
    app.asgi_app = probes  # type: ignore[assignment,method-assign]


def add_check(app: Quart, name: str, check: Check) -> None:
    """Let `/readyz` look at one thing more; see Check of the probes for what it may raise."""
    cast(dict[str, Check], app.extensions[_KEY])[name] = check


def _answers(database: Database) -> Check:
    async def check() -> None:
        if not await database.exists():
            raise NotReady("does not exist")  # looking into it would make an empty file
        try:
            await database.check()
        except NotReady:
            raise NotReady("does not answer") from None  # without its address

    return check


def _at_head(database: Database) -> Check:
    arrived = False

    async def check() -> None:
        nonlocal arrived
        if arrived:
            return
        migrate = await asyncio.to_thread(import_module, "quartapp.db.migrate")  # seldom loaded yet
        try:
            current = await migrate.current(database) if await database.exists() else None
        except Exception:
            raise NotReady("cannot be read") from None
        arrived = current == await asyncio.to_thread(migrate.head)
        if not arrived:
            raise NotReady("are not all applied: run `quartapp db upgrade`")

    return check


def _has_room(folders: tuple[Path, ...], min_free_bytes: int) -> Check:
    async def check() -> None:
        free = await asyncio.to_thread(lambda: min(map(_free_bytes, folders)))
        if free < min_free_bytes:
            raise NotReady("is nearly full")

    return check


def _free_bytes(folder: Path) -> int:
    while not folder.exists():  # it is made when the first file comes
        folder = folder.parent
    return shutil.disk_usage(folder).free
