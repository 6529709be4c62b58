"""The open connections of a serving process, and the bounds that each of them must keep.

hypercorn waits for a request as long as it keeps an idle connection, waits for a reader without
an end, and holds a connection whose client has left as long as an idle one. Idle ones are closed
here, all together: it takes a timer for each, and a task more, after every request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any, cast

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    HTTPDisconnectEvent,
    Scope,
)

from quartapp.serve import garbage
from quartapp.serve.exchange import Exchange
from quartapp.serve.outbox import Outbox

FIRST_REQUEST = 10.0  # seconds in which a new connection's first request must begin, head and all
STALL = 30.0  # seconds in which a client must read STEP bytes more of what lies ready for it
STEP = 16 * 1024
YOUNG = 1.0  # seconds for which a silent connection is not closed to make room for another one
LOOK = 1.0  # seconds between two looks at all of them
MOMENT = 0.05  # seconds in which hypercorn says itself what a client that is gone has said last
TIDY = 10.0  # seconds after which a request is cancelled whose client is gone
CROWD = 50  # requests, from which on it does not matter which process takes the next connection

Factory = Callable[[], asyncio.BaseProtocol]


class Connections:
    """Counts, and lets `limit` be open at once.

    Where all are, who has been silent longest is closed for the next one, which waits in the
    system's queue until then. Who is silent for `idle` seconds is closed in any case. `shared` says
    that other processes accept from the same queue.
    """

    def __init__(self, limit: int, *, idle: float, shared: bool) -> None:
        self._limit = limit
        self._idle = idle
        self._shared = shared
        self.ending = False  # the server is about to end
        self._at_last_call: list[Callable[[], None]] = []
        self._open: set[Connection] = set()
        self._silent: dict[Connection, float] = {}  # since when; the longest first
        self._left = asyncio.Event()

    @property
    def others_turn(self) -> bool:
        """Whether another process should take the next one; a crowd at work divides itself.

        At work is all that is not silent: also a connection that has not come to terms on TLS yet.
        """
        return self._shared and self._at_work < CROWD

    @property
    def full(self) -> bool:
        """Whether no more may be open."""
        return len(self._open) >= self._limit

    @property
    def _at_work(self) -> int:
        return len(self._open) - len(self._silent)

    def at_last_call(self, call: Callable[[], None]) -> None:
        """Call this at the last call: who accepts connections is to stop then."""
        self._at_last_call.append(call)

    def last_call(self) -> None:
        """Accept no more, and leave those that are open to the server, which ends."""
        self.ending = True
        for call in self._at_last_call:
            call()

    def around(self, app: ASGIFramework) -> ASGIFramework:
        """The application, which from now on lets each connection know of its requests."""

        async def known(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            connection = _current.get()
            if connection is None:
                await app(scope, receive, send)
            elif not connection.lost:
                await Exchange(connection, send).run(app, scope, receive)
            else:
                connection.end_serving()

        return known

    async def room(self) -> None:
        """Wait until one more may be open."""
        while self.full:
            self._left.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._make_room()):
                    await self._left.wait()

    def take(self, factory: Factory) -> Connection:
        """A connection that is about to be there, with the protocol that shall serve it."""
        connection = Connection(self, cast(asyncio.Protocol, factory()))
        self._open.add(connection)
        return connection

    def drop(self, connection: Connection) -> None:
        """It is gone."""
        self._open.discard(connection)
        self._silent.pop(connection, None)
        self._left.set()

    def silent(self, connection: Connection) -> None:
        """No request of it is in progress."""
        self._silent[connection] = _now()

    def busy(self, connection: Connection) -> None:
        """One is."""
        self._silent.pop(connection, None)

    async def watch(self) -> None:
        """Close again and again, until cancelled, those that keep us waiting too long."""
        while True:
            await asyncio.sleep(LOOK)
            now = _now()
            for connection in list(self._open):
                if connection.is_overdue(now):
                    connection.abort()
            self._close_idle(now)
            garbage.look_with(self._at_work)

    def _close_idle(self, now: float) -> None:
        for connection, since in list(self._silent.items()):
            if now < since + self._idle:
                break
            connection.close()

    def _make_room(self) -> float:
        """Close one that may be; the seconds after which to look again."""
        now = _now()
        for connection, since in self._silent.items():
            if now < since + YOUNG:
                return since + YOUNG - now
            connection.abort()
            self.busy(connection)  # not to be closed twice
            break
        return YOUNG


class Connection(asyncio.Protocol):
    """Stands between a connection and the protocol that serves it."""

    def __init__(self, connections: Connections, inner: asyncio.Protocol) -> None:
        self._connections = connections
        self._inner = inner
        self._transport: Outbox | None = None
        self._began = _now()
        self._served = False
        self._requests = 0
        self._unanswered = 0
        self.lost = False  # nobody is there any more to be answered
        self._serving: asyncio.Task[Any] | None = None  # hypercorn's, which has all others
        self._tasks: set[asyncio.Task[Any]] = set()  # of its requests
        self._listening: set[asyncio.Task[Any]] = set()  # tasks that hear what its client says
        self._timers: list[asyncio.TimerHandle] = []  # of a lost one, until its requests end
        self._last_part = 0.0  # when the end of an answer was handed to hypercorn, if it has it yet
        self._is_over = False
        self._paused = False
        self._unread = 0  # bytes that lay ready for the client when it last made progress,
        self._progress = 0.0  # and when that was

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open: from here on it is the inner protocol's, whose tasks know of us."""
        self._transport = Outbox(cast(asyncio.Transport, transport))
        self._began = _now()
        self._connections.silent(self)
        copy_context().run(self._begin_inner, self._transport)

    def _begin_inner(self, transport: Outbox) -> None:
        _current.set(self)
        loop = asyncio.get_running_loop()
        loop.set_task_factory(self._make_task)  # for the one that is begun here
        try:
            self._inner.connection_made(cast(asyncio.BaseTransport, transport))
        finally:
            loop.set_task_factory(None)

    def _make_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        **given: Any,
    ) -> asyncio.Task[Any]:
        self._serving = asyncio.Task(coro, loop=loop, **given)
        return self._serving

    def data_received(self, data: bytes) -> None:
        """Something arrived."""
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Its client has said all, which hypercorn takes for its leave."""
        if not self._is_in_use():
            if self._transport is not None:
                self._transport.flush()  # which is closed now
            return False
        self._lose()
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self._connections.drop(self)
        self._lose()
        if self._is_in_use():
            self._inner.connection_lost(exc)
        elif self._requests:
            self._is_over = True  # they are answered, and only have to tidy up
        else:
            self._end_inner()

    def _lose(self) -> None:
        if self.lost:
            return
        self.lost = True
        if self._requests:
            later = asyncio.get_running_loop().call_later
            self._timers = [later(MOMENT, self._wake), later(TIDY, self._cancel)]

    def _wake(self) -> None:
        while self._listening:
            self._listening.pop().cancel()  # wakes `receive`, which knows why

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _end_inner(self) -> None:
        self._inner.connection_lost(None)
        self.end_serving()

    def end_serving(self) -> None:
        """End all that hypercorn does for it.

        Its own way is a read that ends; but it waits for a request as if the connection were idle,
        and does not read while one waits behind another, or for who takes what has arrived. A
        server that ends waits for such tasks, and wakes those that are idle by itself.
        """
        if self._serving is not None and not self._connections.ending:
            self._serving.cancel()

    def pause_writing(self) -> None:
        """Its client does not read as fast as it is written to."""
        self._paused = True
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._paused = False
        self._unread = 0
        self._inner.resume_writing()

    def begin(self, task: asyncio.Task[Any]) -> None:
        """A request begins, in a task of its own."""
        self._tasks.add(task)
        self._served = True
        self._requests += 1
        self._unanswered += 1
        self._connections.busy(self)

    def answered(self) -> None:
        """A request has its whole answer."""
        self._unanswered -= 1

    async def receive(self, receive: ASGIReceiveCallable) -> ASGIReceiveEvent:
        """What a request's client says next; hypercorn may not hear that it is gone."""
        if self.lost:
            with suppress(TimeoutError):
                async with asyncio.timeout(MOMENT):
                    return await receive()
            return HTTPDisconnectEvent(type="http.disconnect")
        task = _current_task()
        before = task.cancelling()
        self._listening.add(task)
        try:
            return await receive()
        except asyncio.CancelledError:
            if task in self._listening or task.uncancel() > before:  # by somebody else, too
                raise
            return HTTPDisconnectEvent(type="http.disconnect")
        finally:
            self._listening.discard(task)

    def end(self, task: asyncio.Task[Any]) -> None:
        """A request has ended."""
        self._tasks.discard(task)
        self._requests -= 1
        if self._requests:
            return
        for timer in self._timers:
            timer.cancel()
        if self._is_over:
            self._end_inner()
        elif self.lost:
            self.abort()
            self.end_serving()
        else:
            self._connections.silent(self)

    def hands_over(self, *, done: bool) -> None:
        """The end of an answer is being handed to hypercorn, or is there."""
        self._last_part = 0.0 if done else _now()

    def is_overdue(self, now: float) -> bool:
        """Whether its client has kept us waiting for too long."""
        if self._transport is None:
            return False  # TLS is being agreed on, which has a limit of its own
        if not self._served and now >= self._began + FIRST_REQUEST:
            return True
        unread = self._transport.get_write_buffer_size()
        if self._last_part and not unread and now >= self._last_part + STALL:
            return (
                True  # hypercorn has more of what it sends than anybody takes, and waits for that
            )
        if not self._paused and not self._transport.is_closing():
            return False
        if not self._unread or unread <= self._unread - STEP:
            self._unread, self._progress = unread, now
        return now >= self._progress + STALL

    def close(self) -> None:
        """Close it when all is sent that its client has to read."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close it at once, whatever is still to be sent."""
        self._lose()
        if self._transport is not None:
            self._transport.abort()

    def _is_in_use(self) -> bool:
        # At the end of the server hypercorn lets go of all by itself.
        return self._unanswered > 0 or self._connections.ending


def _current_task() -> asyncio.Task[Any]:
    return cast("asyncio.Task[Any]", asyncio.current_task())


def _now() -> float:
    return asyncio.get_running_loop().time()


# Of the task that runs: what hypercorn starts for a connection inherits it.
_current: ContextVar[Connection | None] = ContextVar("connection", default=None)
