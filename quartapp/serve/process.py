"""One process that serves: hypercorn on an event loop, ended within the shutdown timeout."""

from __future__ import annotations

import asyncio
import binascii
import logging
import secrets
import socket
import traceback
from collections.abc import Callable, Coroutine
from functools import partial
from ssl import SSLError
from typing import TYPE_CHECKING, Any, cast

import hypercorn.asyncio
import hypercorn.protocol.h2
from h2.exceptions import ProtocolError
from hypercorn.config import Config
from hypercorn.utils import LifespanFailureError, LifespanTimeoutError
from hyperframe.exceptions import HyperframeError

from quartapp.serve import garbage
from quartapp.serve.connections import Connections
from quartapp.serve.errors import ServeError
from quartapp.serve.loop import ServingLoop
from quartapp.serve.requests import Requests
from quartapp.serve.stop import LAST_MOMENT, Stop

if TYPE_CHECKING:
    from quart import Quart

# When a stop is asked for, no connection is taken any more. Those that were taken just before have
# so many seconds to send their request; hypercorn would close them at once.
LAST_CALL = 0.2

# After the shutdown timeout requests hear that their client is gone. What goes on nevertheless is
# cancelled after so many seconds, then the application is told to end, then the server is left.
HEED = 0.5
TIDY = 0.3

_log = logging.getLogger("quartapp.serve")


def run(
    app: Quart,
    config: Config,
    *,
    shutdown_timeout: float,
    max_connections: int,
    on_ready: Callable[[], None],
    on_spent: Callable[[], None] | None = None,
    supervisor: socket.socket | None = None,
    shared: bool = False,
) -> None:
    """Serve until a signal comes, or until the `supervisor` closes its end of the socket.

    `shared` says that other processes serve on the same sockets. The application's
    `shutdown_event` is set as soon as a stop is asked for. `on_spent` is called every
    `max_requests` requests, where the configuration says so; nothing ends by that alone. Raises
    ServeError if the application does not start.
    """
    requests = Requests(app)
    if config.max_requests and on_spent is not None:
        extra = secrets.randbelow(config.max_requests_jitter + 1)
        requests.call_every(config.max_requests + extra, on_spent)
    config.max_requests = None  # hypercorn would end in its own way
    connections = Connections(max_connections, idle=config.keep_alive_timeout, shared=shared)
    config.keep_alive_timeout = cast(float, None)  # of asyncio.wait_for: no limit
    with asyncio.Runner(loop_factory=partial(ServingLoop, connections)) as runner:
        runner.run(_run(app, requests, connections, config, shutdown_timeout, on_ready, supervisor))


async def _run(
    app: Quart,
    requests: Requests,
    connections: Connections,
    config: Config,
    shutdown_timeout: float,
    on_ready: Callable[[], None],
    supervisor: socket.socket | None,
) -> None:
    stop = Stop(limit=shutdown_timeout + LAST_MOMENT, patient=supervisor is not None)
    stop.watch()
    asyncio.get_running_loop().set_exception_handler(_report)
    if supervisor is not None:
        _follow(supervisor, stop)

    async def until_stop() -> None:
        # hypercorn begins to wait for this when its sockets are open.
        garbage.look_seldom()
        on_ready()
        await stop.asked.wait()
        app.shutdown_event.set()
        await _last_call(connections, requests)

    watching = asyncio.create_task(connections.watch())
    try:
        await _serve(requests, connections, config, stop, shutdown_timeout, until_stop)
    finally:
        watching.cancel()


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what nobody awaited, but for what is no fault of ours."""
    error = context.get("exception")
    if _is_of_a_stream_that_is_over(error):
        _log.info("closed a connection: its client said more on a stream that was over")
    elif not _is_no_fault_of_ours(error):
        loop.default_exception_handler(context)


def _is_no_fault_of_ours(error: BaseException | None) -> bool:
    """Whether a client did it; also what asyncio, before 3.12.1, calls an exception: a cancel.

    Clients break off handshakes, and send as HTTP/2 what is none, which hypercorn does not
    expect: nobody may fill the log with that.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_no_fault_of_ours, error.exceptions))
    return isinstance(
        error, (SSLError, asyncio.CancelledError, ProtocolError, HyperframeError, binascii.Error)
    )


def _is_of_a_stream_that_is_over(error: BaseException | None) -> bool:
    """Whether a client of HTTP/2 sent a body to who waits for none, which hypercorn looks for."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_of_a_stream_that_is_over, error.exceptions))
    frames = [frame for frame, _ in traceback.walk_tb(getattr(error, "__traceback__", None))]
    return (
        isinstance(error, KeyError)
        and bool(frames)
        and frames[-1].f_globals["__name__"] == hypercorn.protocol.h2.__name__
    )


def _follow(supervisor: socket.socket, stop: Stop) -> None:
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(supervisor)  # the end of a file can be read again and again
        stop.ask()

    # Nothing is ever sent to a worker: what there is to read is the end.
    loop.add_reader(supervisor, end)


async def _serve(
    requests: Requests,
    connections: Connections,
    config: Config,
    stop: Stop,
    shutdown_timeout: float,
    until_stop: Callable[[], Coroutine[None, None, None]],
) -> None:
    config.graceful_timeout = shutdown_timeout + HEED
    serving = asyncio.ensure_future(
        hypercorn.asyncio.serve(
            connections.around(requests), config, shutdown_trigger=until_stop, mode="asgi"
        )
    )
    ending = asyncio.ensure_future(_end(requests, serving, stop, shutdown_timeout))
    try:
        await asyncio.wait([serving])
        if not serving.cancelled():
            serving.result()
            stop.done()
    except (LifespanFailureError, LifespanTimeoutError) as error:
        raise ServeError(f"The application did not start: {error}") from None
    finally:
        ending.cancel()


async def _last_call(connections: Connections, requests: Requests) -> None:
    """Take no more connections, and let those that were taken come to an end."""
    requests.last_call()
    connections.last_call()
    await asyncio.sleep(LAST_CALL)
    requests.refuse()


async def _end(
    requests: Requests, serving: asyncio.Future[None], stop: Stop, shutdown_timeout: float
) -> None:
    """After the shutdown timeout take away from the server, step by step, what it waits for."""
    await stop.asked.wait()
    await asyncio.sleep(shutdown_timeout)
    requests.disconnect()
    await asyncio.sleep(HEED)
    requests.cancel()
    await asyncio.sleep(TIDY)
    requests.shut_down()
    await asyncio.sleep(TIDY)
    serving.cancel()
