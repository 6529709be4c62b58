"""One of several serving processes: `python -m quartapp.serve.worker ORDER`, by a supervisor."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from quartapp.paths import HYPERCORN_TOML
from quartapp.serve import logs
from quartapp.serve.config import read_config
from quartapp.serve.descriptors import fitted
from quartapp.serve.errors import REFUSED, ServeError
from quartapp.serve.process import run
from quartapp.serve.sockets import DESCRIPTOR
from quartapp.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:  # the supervisor, which shares this file, does without
    from quart import Quart

# What a worker sends to its supervisor: that it serves, and that another one may take its place.
READY = b"+"
SPENT = b"-"
GO = b"!"  # what one in reserve waits for


@dataclass(frozen=True)
class Order:
    """What a worker is told: descriptors to serve on, and what."""

    bind: list[str]
    insecure_bind: list[str]
    shutdown_timeout: float  # seconds; one for all who serve and for those who wait for them
    lesson: str | None = None
    debug: bool = False
    workers: int = 1  # it is one of so many
    reserve: bool = False  # load everything, then wait until one is needed
    supervisor: int = -1  # a socket: its end of file means stop

    def dumps(self) -> str:
        """The order as one argument of a command."""
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Self:
        """The order that was dumped."""
        return cls(**json.loads(text))

    def descriptors(self) -> list[int]:
        """The numbers of all that a worker inherits."""
        binds = (*self.bind, *self.insecure_bind)
        return [int(bind.removeprefix(DESCRIPTOR)) for bind in binds] + [self.supervisor]


MakeApp = Callable[[Settings, Order], "Quart"]


def work(order: Order, make_app: MakeApp, file: Path = HYPERCORN_TOML) -> None:
    """Serve as ordered until told to stop. Raises ServeError, SettingsError.

    By now all modules are loaded, which takes longer than all the rest of a start.
    """
    for descriptor in order.descriptors():
        os.set_inheritable(descriptor, False)  # no child of ours may hold the port
    with socket.socket(fileno=order.supervisor) as supervisor:
        if order.reserve and supervisor.recv(1) != GO:
            return
        with logs.reason_in_the_log():
            settings = fitted(load_settings(workers=order.workers))
            config = read_config(file)
            config.bind, config.insecure_bind, config.workers = order.bind, order.insecure_bind, 1
            supervisor.setblocking(False)
            logs.set_up(settings, config)
            run(
                make_app(settings, order),
                config,
                shutdown_timeout=order.shutdown_timeout,
                max_connections=settings.max_connections,
                on_ready=partial(_tell, supervisor, READY),
                on_spent=partial(_tell, supervisor, SPENT),
                supervisor=supervisor,
                shared=order.workers > 1,
            )


def main(make_app: MakeApp, file: Path = HYPERCORN_TOML) -> None:
    """Work, and end the process with the status that says how it went."""
    try:
        work(Order.loads(sys.argv[1]), make_app, file)
    except (ServeError, SettingsError) as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(error.status if isinstance(error, ServeError) else REFUSED)


def _tell(supervisor: socket.socket, message: bytes) -> None:
    with suppress(OSError):  # it is gone: the end of file will be read next
        supervisor.send(message)


if __name__ == "__main__":
    from quartapp.serve.application import application

    main(lambda settings, order: application(settings, lesson=order.lesson, debug=order.debug))
