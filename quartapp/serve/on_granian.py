"""`quartapp serve --server granian`: another server, with processes and signals of its own.

Of the bounds that a connection has with hypercorn it keeps two: how many may be open, though none
makes room for another one, and how long the next request may keep it waiting.
"""

from __future__ import annotations

import asyncio
import logging
import math
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from hypercorn.config import Config

from quartapp.serve import garbage, logs
from quartapp.serve.config import read_config
from quartapp.serve.descriptors import fitted
from quartapp.serve.errors import FAILED, REFUSED, ServeError
from quartapp.serve.metrics_folder import metrics_folder
from quartapp.serve.process import HEED
from quartapp.serve.requests import Requests
from quartapp.serve.sockets import DESCRIPTOR, open_sockets
from quartapp.serve.stop import LAST_MOMENT
from quartapp.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from granian.server import MPServer
    from quart import Quart

# Keys of hypercorn.toml that would be missed if they had no effect.
NOT_THERE = {
    "ca_certs": "TLS is left to a proxy",
    "certfile": "TLS is left to a proxy",
    "keyfile": "TLS is left to a proxy",
    "group": "the socket belongs to who starts the server",
    "user": "the socket belongs to who starts the server",
    "max_requests": "granian counts none",
}

LOOK = 0.02  # seconds between two attempts to connect, at the start

# What granian says of itself goes where all the rest goes.
_LOGGING = {"handlers": {}, "formatters": {}, "loggers": {"_granian": {"propagate": True}}}

_log = logging.getLogger("quartapp.serve")


@dataclass(frozen=True)
class Plan:
    """What each worker is told."""

    workers: int
    lesson: str | None
    shutdown_timeout: float  # seconds


@dataclass(frozen=True)
class Address:
    """Where to listen: as people write it, and as the system does."""

    shown: str
    family: socket.AddressFamily
    name: Any

    @property
    def path(self) -> Path | None:
        """Of a unix socket."""
        return Path(self.name) if self.family == socket.AF_UNIX else None

    def for_granian(self, umask: int | None) -> dict[str, Any]:
        """What granian is told."""
        if self.path is None:
            return {"address": self.name[0], "port": self.name[1]}
        mode = None if umask is None else 0o777 & ~umask
        return {"uds": self.path, "uds_permissions": mode}

    def answers(self) -> bool:
        """Whether somebody accepts connections."""
        with socket.socket(self.family) as sock, suppress(OSError):
            sock.connect(self.name)
            return True
        return False


def check(config: Config, *, reload: bool) -> None:
    """Raise ServeError for what cannot be had from granian, and where it is not installed."""
    reasons = [f"{key}: {why}" for key, why in NOT_THERE.items() if getattr(config, key)]
    if reload:
        reasons.append("--reload: that is hypercorn's")
    if len(config.bind) != 1 or config.bind[0].startswith(DESCRIPTOR):
        reasons.append("bind: one address, HOST:PORT or unix:PATH")
    if reasons:
        raise ServeError(f"Not with --server granian: {'; '.join(reasons)}.", status=REFUSED)
    if find_spec("granian") is None:
        raise ServeError(
            "granian is not installed: pip install 'quartapp[granian]'", status=REFUSED
        )


def free_address(config: Config, *, remote: bool) -> Address:
    """The address that is to be listened on. Raises ServeError if it cannot be had.

    granian shares a port with any other server that does, and none of the two would notice.
    """
    sockets = open_sockets(config, remote=remote)
    [shown], [sock] = sockets.addresses(tls=False), sockets.bind
    with sock:
        address = Address(shown, sock.family, sock.getsockname())
    if address.path is not None:
        address.path.unlink()
    return address


def serve(
    settings: Settings, config: Config, address: Address, plan: Plan, on_ready: Callable[[], None]
) -> None:
    """Serve until a signal comes; the second one ends all at once.

    Raises ServeError if workers die at their start.
    """
    # Each worker begins anew, as with hypercorn: no thread and no state of ours goes along.
    multiprocessing.set_start_method("spawn")
    told, teller = multiprocessing.Pipe(duplex=False)
    with told, teller, metrics_folder() as remove:
        server = _granian(settings, config, address, plan)

        def begin() -> None:
            _watch_signals(server, teller, remove)
            threading.Thread(target=_announce, args=(address, on_ready), daemon=True).start()

        server.on_startup(begin)
        try:
            server.serve(target_loader=partial(_load, plan, told), wrap_loader=False)
        except SystemExit:
            raise ServeError("Workers died at their start.", status=FAILED) from None


def _granian(settings: Settings, config: Config, address: Address, plan: Plan) -> MPServer:
    # Imported here: it is an extra.
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels
    from granian.server import MPServer

    return MPServer(
        "quartapp",
        **address.for_granian(config.umask),
        interface=Interfaces.ASGI,
        workers=plan.workers,
        http=HTTPModes.http1,
        websockets=True,
        backlog=config.backlog,
        backpressure=settings.max_connections,
        http1_settings=HTTP1Settings(
            # The one limit that it has for a head is also that for the pause before it.
            header_read_timeout=int(config.keep_alive_timeout * 1000),
            max_buffer_size=config.h11_max_incomplete_size,
        ),
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=math.ceil(plan.shutdown_timeout + LAST_MOMENT),
    )


def _watch_signals(server: MPServer, teller: Connection, remove: Callable[[], None]) -> None:
    ask: Callable[[], None] = server.signal_handler_interrupt

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if not teller.closed:
            teller.close()
            ask()
            return
        kills: list[Callable[[], None]] = [worker.kill for worker in server.wrks]
        for kill in kills:
            kill()
        remove()
        os._exit(128 + number)

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)


def _announce(address: Address, on_ready: Callable[[], None]) -> None:
    """Wait until somebody accepts connections, which granian does not tell."""
    while not address.answers():
        time.sleep(LOOK)
    on_ready()


def _load(plan: Plan, told: Connection) -> Requests:
    """The application, in a worker that granian has started."""
    os.setpgid(0, 0)  # it does not get the Ctrl-C meant for its parent
    try:
        with logs.reason_in_the_log():
            settings = fitted(load_settings(workers=plan.workers))
            logs.set_up(settings, read_config())
            from quartapp.serve.application import application

            app = application(settings, lesson=plan.lesson, debug=False)
    except (ServeError, SettingsError) as error:
        sys.exit(f"Error: {error}")
    requests = Requests(app)
    app.before_serving(partial(_follow, app, requests, told, plan.shutdown_timeout))
    return requests


async def _follow(app: Quart, requests: Requests, told: Connection, limit: float) -> None:
    """End when the parent says so or is gone, as a worker on hypercorn does."""
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(told)
        app.shutdown_event.set()
        requests.last_call()
        loop.call_later(limit, requests.disconnect)
        loop.call_later(limit + HEED, requests.cancel)
        os.kill(os.getpid(), signal.SIGTERM)

    # Nothing is ever sent: what there is to read is the end.
    loop.add_reader(told, end)
    garbage.look_seldom()
