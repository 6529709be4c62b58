"""Class Database: the engine of one application, and its two kinds of transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from quartapp.core.errors import NotReady
from quartapp.db.deadline import statements_within
from quartapp.db.engine import (
    ALONE,
    CONNECT_TIMEOUT,
    MEMORY,
    POOL_SIZE,
    POOL_TIMEOUT,
    SNAPSHOT,
    WRITING,
    keep_none,
    make_engine,
)
from quartapp.db.pool import TooFewConnections, allowed
from quartapp.db.to_the_end import to_the_end

TRANSACTION_TIMEOUT = (
    35.0  # seconds; above what a statement may take, so that its error comes first
)


class Database:
    """One engine. Two databases never share anything, so two applications in a process may differ.

    `url` is `sqlite+aiosqlite:///…` or `mysql+aiomysql://…`. `processes` is how many serving
    processes share the connections that a MySQL server allows.
    """

    def __init__(self, url: str, *, processes: int = 1) -> None:
        self.url = make_url(url)
        self._use(make_engine(self.url))
        self._processes = processes
        self._writer = asyncio.Lock() if self.url.get_backend_name() == "sqlite" else None
        self._fitting = asyncio.Lock()
        self._fits = asyncio.Event()
        self._is_closed = False
        if self._writer is not None:
            self._fits.set()

    def _use(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._without_snapshot = engine.execution_options(**{SNAPSHOT: False})
        self._to_write = engine.execution_options(**{WRITING: True})
        self._to_write_once = engine.execution_options(**{WRITING: True, ALONE: True})

    @asynccontextmanager
    async def reading(
        self,
        *,
        snapshot: bool = True,
        limit: float | None = TRANSACTION_TIMEOUT,
        statement_timeout: float | None = None,
    ) -> AsyncIterator[AsyncSession]:
        """A transaction that only reads; nothing in it is ever flushed or committed.

        It sees the database as it was at its first question. Who has but one, or no two whose
        answers must agree, may do without a `snapshot`: on SQLite that saves the way to end the
        transaction. Raises NotReady if it is still open after `limit` seconds, TooSlow if the
        database is at one statement for more than `statement_timeout` seconds (on SQLite: at all
        of them together).
        """
        await self._fit()
        engine = self.engine if snapshot else self._without_snapshot
        session = AsyncSession(engine, expire_on_commit=False, autoflush=False)
        try:
            async with _AtMost(limit), statements_within(session, statement_timeout):
                yield session
        finally:
            await self._give_back(session, has_begun=snapshot)

    @asynccontextmanager
    async def asking(
        self, *, limit: float | None = TRANSACTION_TIMEOUT
    ) -> AsyncIterator[AsyncConnection]:
        """A connection for one question that rows answer: no session, and no snapshot either.

        Objects, and what they need, cost more than a page of rows. Raises NotReady if it is still
        open after `limit` seconds.
        """
        await self._fit()
        connection = self._without_snapshot.connect()
        try:
            async with _AtMost(limit):
                yield await connection.start()
        finally:
            if connection.sync_connection is not None:  # else none could be had
                await self._give_back(connection, has_begun=False)

    @asynccontextmanager
    async def writing(
        self, *, limit: float | None = TRANSACTION_TIMEOUT, alone: bool = False
    ) -> AsyncIterator[AsyncSession]:
        """A transaction that commits when the block ends, and rolls back when it raises.

        On SQLite other writers are kept out from its first statement on. A commit that has begun
        runs to its end even if the task is cancelled meanwhile. Raises NotReady if the block, or
        the commit, is not through after `limit` seconds.

        A block of one change says that it stands `alone`. On SQLite to carry it out is to commit
        it, with no errand more: what is raised afterwards takes nothing back, and nobody knows
        whether it was done who is cancelled, or given up, meanwhile.
        """
        async with self._turn():
            await self._fit()
            engine = self._to_write_once if alone else self._to_write
            session = AsyncSession(engine, expire_on_commit=False)
            try:
                async with _AtMost(limit):
                    yield session
            except BaseException:
                await to_the_end(_close(session))
                raise
            await to_the_end(_keep(session, limit))

    async def exists(self) -> bool:
        """False for a SQLite file that is not there, which opening would make; else True."""
        name = self.url.database
        on_disk = self.url.get_backend_name() == "sqlite" and name not in MEMORY
        return not on_disk or await asyncio.to_thread(Path(str(name)).exists)

    async def check(self) -> None:
        """Ask the database for a sign of life. Raises NotReady with the reason if it gives none."""
        try:
            await self._fit()
            async with _AtMost(CONNECT_TIMEOUT), self.engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except TooFewConnections:
            raise
        except (DBAPIError, PoolTimeout, OSError, RuntimeError, NotReady) as error:
            address = self.url.render_as_string()
            raise NotReady(f"{address} does not answer: {reason(error)}") from error

    async def close(self) -> None:
        """Give back every connection; what is still in use follows when its user is through."""
        self._is_closed = True
        keep_none(self.engine)
        await self.engine.dispose()

    async def _give_back(self, user: AsyncSession | AsyncConnection, *, has_begun: bool) -> None:
        if has_begun or self._writer is None:
            await to_the_end(_close(user))
        else:
            await user.close()  # nothing has begun on SQLite that could take its time

    async def _fit(self) -> None:
        """Keep to what the server allows, from its first answer on. Raises TooFewConnections."""
        if self._fits.is_set():
            return
        async with _AtMost(POOL_TIMEOUT), self._fitting:
            if self._fits.is_set():
                return
            async with self.engine.connect() as connection:
                size = await allowed(connection, processes=self._processes, wanted=POOL_SIZE)
            if size < POOL_SIZE:
                larger = self.engine
                self._use(make_engine(self.url, pool_size=size))
                if self._is_closed:
                    keep_none(self.engine)
                await to_the_end(larger.dispose())
            self._fits.set()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """On SQLite, which has one writer at a time, wait here: no reader lacks a connection then.

        Raises NotReady if the turn does not come in time.
        """
        if self._writer is None:
            yield
            return
        async with _AtMost(POOL_TIMEOUT):
            await self._writer.acquire()
        try:
            yield
        finally:
            self._writer.release()


def reason(error: BaseException) -> str:
    """What a database error says, without its number and the statement around it."""
    inner = getattr(error, "orig", None) or error
    return str(inner.args[-1] if inner.args else inner)


async def _keep(session: AsyncSession, limit: float | None) -> None:
    """Commit, and give the connection back."""
    try:
        async with _AtMost(limit):
            await session.commit()
    finally:
        await _close(session)


async def _close(user: AsyncSession | AsyncConnection) -> None:
    """Give the connection back; one whose server has fallen silent is given up."""
    async with _AtMost(TRANSACTION_TIMEOUT):
        await user.close()


class _AtMost:
    """Gives a block up after that time: a server that stops in mid-answer would hold it forever."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._timer = asyncio.timeout(seconds)

    async def __aenter__(self) -> None:
        await self._timer.__aenter__()

    async def __aexit__(self, *error: Any) -> None:
        try:
            await self._timer.__aexit__(*error)
        except TimeoutError:  # its own; somebody else's goes past it
            why = f"the database was not through after {self._seconds:g} seconds"
            raise NotReady(why) from None
