"""Ours with one view more, which waits as long as a slow neighbour takes and answers.

`python -m benchmarks.waiting ADDRESS WORKERS` serves it as `quartapp serve` serves the rest.
"""

from __future__ import annotations

import asyncio
import sys

from quart import Quart

from quartapp.serve.application import application
from quartapp.serve.config import read_config
from quartapp.serve.metrics_folder import metrics_folder
from quartapp.serve.sockets import open_sockets
from quartapp.serve.supervisor import Supervisor
from quartapp.serve.worker import Order, main
from quartapp.settings import Settings, load_settings

WAIT = 0.1  # seconds


def make_app(settings: Settings, order: Order) -> Quart:
    """The application of a worker."""
    app = application(settings, lesson=order.lesson, debug=order.debug)

    @app.get("/wait")
    async def wait() -> str:
        await asyncio.sleep(WAIT)
        return "done"

    return app


def serve(bind: str, workers: int) -> None:
    """Serve until a signal comes."""
    config = read_config()
    config.bind = [bind]
    sockets = open_sockets(config, remote=False)  # which live as long as this
    limit = load_settings().shutdown_timeout
    order = Order(sockets.descriptors()["bind"], [], limit, workers=workers)
    with metrics_folder() as remove:
        Supervisor(
            order,
            count=workers,
            on_ready=lambda: None,
            command=("-m", "benchmarks.waiting"),
            at_last=remove,
        ).serve()


if __name__ == "__main__":
    if len(sys.argv) == 3:
        serve(sys.argv[1], int(sys.argv[2]))
    else:
        main(make_app)
