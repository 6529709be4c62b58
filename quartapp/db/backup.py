"""A copy of a SQLite database while it is in use, and back again; a MySQL server has its own."""

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from alembic.script import ScriptDirectory

from quartapp.core.errors import Conflict, Invalid, NotFound, NotReady
from quartapp.db import migrate
from quartapp.db.database import Database
from quartapp.db.engine import BUSY_TIMEOUT, MEMORY

PAGES = 1024  # copied between two words on how far it is
LOGS = ("-wal", "-journal")  # what SQLite keeps beside a file in use
INDEX = "-shm"  # of the first, made anew by whoever opens it

Tell = Callable[[int, int], None]  # pages that are still to be copied, and all of them


async def backup(database: Database, file: Path, *, tell: Tell) -> None:
    """Copy the database as it is at this moment to a new file, for its owner alone (mode 0600).

    Who reads or writes meanwhile does not notice. The file is there whole or not at all. Raises
    Conflict if there is one, Invalid for a database that is no SQLite file, NotReady if it is busy.
    """
    await asyncio.to_thread(_backup, _file_of(database), file, tell)


async def restore(database: Database, file: Path) -> Path | None:
    """Put a backup in the place of the database, at the newest revision; where the old one is kept.

    Raises NotFound if there is no backup, Invalid if it is none that this version can take,
    NotReady if the database is open anywhere; nothing is changed then.
    """
    target = _file_of(database)
    await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
    draft = _draft_beside(target)
    try:
        await asyncio.to_thread(_take_in, file, draft)
        newest = Database(f"sqlite+aiosqlite:///{draft}")
        try:
            await migrate.upgrade(newest)
        finally:
            await newest.close()
        return await asyncio.to_thread(_put, draft, target)
    finally:
        await asyncio.to_thread(_remove, draft)


def _file_of(database: Database) -> Path:
    name = database.url.database
    if database.url.get_backend_name() != "sqlite" or name in MEMORY:
        raise Invalid("this is for a SQLite file alone")
    return Path(str(name)).absolute()


def _draft_beside(file: Path) -> Path:
    return file.with_name(f".{file.name}.{secrets.token_hex(8)}")


def _backup(source: Path, file: Path, tell: Tell) -> None:
    taken = Conflict(f"{file} is there already: a backup never takes another's place")
    if file.exists():
        raise taken
    draft = _draft_beside(file)
    try:
        with _explained(source):
            _copy(source, draft, tell)
        try:
            os.link(draft, file)  # unlike a rename, it fails where there is one by now
        except FileExistsError:
            raise taken from None
        _keep(file.parent)
    finally:
        _remove(draft)


def _take_in(file: Path, draft: Path) -> None:
    """Copy a backup and look at the copy: nobody changes it any more."""
    if not file.is_file():
        raise NotFound(f"there is no file {file}")
    with _explained(file):
        _copy(file, draft, lambda _left, _all: None)
        with closing(sqlite3.connect(draft)) as copy:
            [(found,)] = copy.execute("PRAGMA integrity_check(1)")
            if found != "ok":
                raise Invalid(f"{file} is damaged: {found}")
            if revision := _unknown_revision(copy, file):
                raise Invalid(f"{file} is at revision {revision}, which this version does not know")


def _unknown_revision(copy: sqlite3.Connection, file: Path) -> str:
    try:
        found = [name for (name,) in copy.execute(f"SELECT version_num FROM {migrate.VERSIONS}")]  # noqa: S608 - a name of our own
    except sqlite3.OperationalError:
        found = []
    if not found:
        raise Invalid(f"{file} is no database of quartapp's")
    known = {script.revision for script in ScriptDirectory(str(migrate.SCRIPTS)).walk_revisions()}
    return ", ".join(sorted(set(found) - known))


def _copy(source: Path, draft: Path, tell: Tell) -> None:
    """Copy a database into a new file that is one file, and on the disk when this returns."""
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(_opened(source)) as origin, closing(sqlite3.connect(draft)) as copy:
        # With a transaction open all steps see the same moment, and no writer makes them begin
        # again.
        origin.execute("BEGIN")
        origin.execute("SELECT COUNT(*) FROM sqlite_master")
        origin.backup(copy, pages=PAGES, progress=lambda _status, left, of: tell(left, of))
        copy.execute("PRAGMA journal_mode = DELETE")  # in place of the source's, which needs three
    with draft.open("rb") as file:
        os.fsync(file.fileno())


def _opened(file: Path) -> sqlite3.Connection:
    """A connection to a file that exists; sqlite3 alone would make one."""
    return sqlite3.connect(
        f"{file.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None
    )


def _put(draft: Path, target: Path) -> Path | None:
    """Let the draft take the place of a database that nobody has open; the old one is kept."""
    if os.geteuid() == 0:  # the server that will open it is another account's
        owner = (target if target.exists() else target.parent).stat()
        os.chown(draft, owner.st_uid, owner.st_gid)
    if not target.exists():
        draft.replace(target)
        _keep(target.parent)
        return None
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    kept = target.with_name(f"{target.name}.before-{moment}-{secrets.token_hex(2)}")
    with _nobody_else(target):
        for side in LOGS:  # there are some only if it was damaged
            with suppress(FileNotFoundError):
                Path(f"{target}{side}").rename(f"{kept}{side}")
        Path(f"{target}{INDEX}").unlink(missing_ok=True)
        os.link(target, kept)
        draft.replace(target)
        _keep(target.parent)
    return kept


@contextmanager
def _nobody_else(file: Path) -> Iterator[None]:
    """Hold a database alone. Raises NotReady if it is open anywhere; a damaged one is nobody's."""
    in_use = NotReady(f"{file} is open: stop the server first")
    with closing(_opened(file)) as connection:
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            # Only the one who has it open alone can leave the write-ahead log.
            [(mode,)] = connection.execute("PRAGMA journal_mode = DELETE")
            if mode != "delete":
                raise in_use
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise in_use from error
        except sqlite3.DatabaseError:
            pass
        yield


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise NotReady(f"{file}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise Invalid(f"{file}: {error}") from error


def _keep(folder: Path) -> None:
    """Have a folder's names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(draft: Path) -> None:
    for name in (draft, *(Path(f"{draft}{side}") for side in (*LOGS, INDEX))):
        name.unlink(missing_ok=True)
