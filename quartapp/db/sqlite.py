"""SQLite for SQLAlchemy with one errand to the connection's thread a statement, in place of four.

The driver has a thread for each connection, and goes there to make a cursor, to execute, to fetch
and to close; each time two threads change places. What is asked here brings all rows along at
once. A transaction begins with its first statement, and nobody ends what has not begun.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_dbapi

from quartapp.db.to_the_end import to_the_end

BEGIN_READING = "BEGIN"  # of a transaction that takes no lock before it reads or writes
BEGIN_WRITING = "BEGIN IMMEDIATE"  # of one that keeps other writers out from its first statement on
WHOLE = ("INSERT", "UPDATE", "DELETE", "REPLACE")  # changes that SQLite keeps one by one
CHANGES = (*WHOLE, "SAVEPOINT")
CHUNK = 64  # rows; only for those who iterate over a cursor of the driver's own


def driver() -> AsyncAdapt_aiosqlite_dbapi:
    """The driver, as `create_async_engine(module=…)` takes it."""
    made = AsyncAdapt_aiosqlite_dbapi(aiosqlite, sqlite3)
    made.aiosqlite = cast(Any, SimpleNamespace(connect=connect, __version__=aiosqlite.__version__))
    return made


def connect(database: str, **options: Any) -> QuickConnection:
    """A connection that is made when it is awaited."""

    def connector() -> sqlite3.Connection:
        return sqlite3.connect(database, factory=_Connection, **options)

    return QuickConnection(connector)


class QuickConnection(aiosqlite.Connection):
    """The driver's connection, with cursors of ours, by which all statements go."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, CHUNK)
        self._to_begin = ""  # what begins the transaction that was announced
        self._has_begun = False
        self._is_alone = False  # the next statement, which SQLite keeps by itself

    def __await__(self) -> Generator[Any, None, QuickConnection]:
        """Open it. Who is cancelled meanwhile leaves none that is open and nobody's."""
        return self._open().__await__()

    async def _open(self) -> QuickConnection:
        try:
            await to_the_end(_Opening(super().__await__()))
        except asyncio.CancelledError:
            await to_the_end(self.close())
            raise
        return self

    def announce(self, begin: str) -> None:
        """Begin a transaction as soon as there is something to do."""
        self._to_begin = begin

    def announce_alone(self) -> None:
        """Let one statement, the next, be kept without a transaction around it."""
        self._is_alone = True

    async def ask(self, statement: str, parameters: Iterable[Any] | None) -> Answer:
        """Execute a statement, with which the transaction begins that was announced.

        Where none was, a change is refused, as nobody could undo it, unless it was announced alone.
        """
        begin, self._to_begin = self._to_begin, ""
        is_alone, self._is_alone = self._is_alone, False
        values: Iterable[Any] | None = parameters
        if begin:
            values, self._has_begun = _AfterBegin(begin, parameters or ()), True
        elif not (is_alone and statement.startswith(WHOLE)):
            self._refuse_change(statement)
        try:
            found: Any = await self.execute_fetchall(statement, values)
        except sqlite3.Error:
            if not self.in_transaction:
                self._to_begin = begin  # it has not: what follows must not be kept by itself
            raise
        return cast(Answer, found)

    async def ask_for_each(self, statement: str, rows: Iterable[Iterable[Any]]) -> Answer:
        """Execute a statement once for each row of values."""
        if self._to_begin:
            await self.ask("SELECT 1", None)
        self._refuse_change(statement)
        async with self.executemany(statement, rows) as done:
            return Answer([], rowcount=done.rowcount)

    def _refuse_change(self, statement: str) -> None:
        if not self._has_begun and statement.startswith(CHANGES):
            raise sqlite3.ProgrammingError("a change needs a transaction that keeps it")

    async def commit(self) -> None:
        """Keep what was done since the transaction began."""
        self._to_begin, self._is_alone = "", False
        if self._has_begun:
            await super().commit()
            self._has_begun = False

    async def rollback(self) -> None:
        """Undo what was done since the transaction began, and end it."""
        self._to_begin, self._is_alone = "", False
        if self._has_begun:
            await super().rollback()
            self._has_begun = False

    def cursor(self) -> QuickCursor:  # type: ignore[override]
        """A cursor, for which nobody goes anywhere."""
        return QuickCursor(self)


@dataclass(frozen=True)
class _Opening:
    """The driver's own way to open, as something to await."""

    steps: Generator[Any, None, Any]

    def __await__(self) -> Generator[Any, None, Any]:
        return self.steps


class QuickCursor:
    """What has been asked, and all of its answer."""

    def __init__(self, connection: QuickConnection) -> None:
        self._connection = connection
        self._answer = Answer([])
        self.arraysize = 1

    @property
    def description(self) -> Any:
        """The columns of the answer; None if it has none."""
        return self._answer.description

    @property
    def rowcount(self) -> int:
        """How many rows were changed; -1 if that is not known."""
        return self._answer.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The number of the row that was added last."""
        return self._answer.lastrowid

    async def __aenter__(self) -> QuickCursor:
        return self

    async def execute(self, statement: str, parameters: Iterable[Any] | None = None) -> QuickCursor:
        """Ask, and take in every row."""
        self._answer = await self._connection.ask(statement, parameters)
        return self

    async def executemany(self, statement: str, rows: Iterable[Iterable[Any]]) -> QuickCursor:
        """Do the same for each of them."""
        self._answer = await self._connection.ask_for_each(statement, rows)
        return self

    async def fetchall(self) -> list[Any]:
        """Every row."""
        return self._answer.rows

    async def close(self) -> None:
        """Do nothing: in the connection's thread all is closed already."""


@dataclass(slots=True)
class Answer:
    """What became of a statement."""

    rows: list[Any]
    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None


class _AfterBegin(tuple[Any, ...]):
    """The values of a statement before which a transaction is to begin."""

    begin: str

    def __new__(cls, begin: str, values: Iterable[Any]) -> _AfterBegin:
        made = super().__new__(cls, values)
        made.begin = begin
        return made


class _Connection(sqlite3.Connection):
    def execute(self, sql: str, parameters: Any = (), /) -> _Cursor:
        cursor = self.cursor(_Cursor)
        try:
            if isinstance(parameters, _AfterBegin):
                cursor.execute(parameters.begin)
            cursor.execute(sql, parameters)
        except BaseException:
            # It lives on in the traceback, and its end takes SQLite's lock of the connection:
            # who collects it later, the event loop say, would stand still for as long as the
            # connection then waits for another writer.
            cursor.close()
            raise
        return cursor


class _Cursor(sqlite3.Cursor):
    """In the connection's thread: what is fetched is the whole answer, and the cursor's end."""

    def fetchall(self) -> Any:
        with closing(self):
            rows = super().fetchall() if self.description else []
            return Answer(rows, self.description, self.rowcount, self.lastrowid)
