"""Several processes on one socket: each gets its share of those who come at once."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.serve.processes import Server, started

BURSTS = 100
AT_ONCE = 20  # connections
FEWEST = 4  # of these at one of two workers; where nobody waits it is less in one burst of twenty
STALLS = 2  # bursts in which the system may have given one of them no turn


@pytest.fixture
def on_one_core() -> Iterator[None]:
    """Let this process, and those that it starts, take turns on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


def served_by(server: Server) -> Counter[bytes]:
    """How many of a burst of connections each process took."""
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
            for _ in range(AT_ONCE)
        ]
        for client in clients:
            client.sendall(b"GET /pid HTTP/1.1\r\nHost: here\r\n\r\n")
        return Counter(_body(client) for client in clients)


def _body(client: socket.socket) -> bytes:
    response = HTTPResponse(client)
    response.begin()
    return response.read()


@pytest.mark.slow
@pytest.mark.usefixtures("on_one_core")
def test_no_worker_takes_a_burst_alone(tmp_path: Path) -> None:
    with started("-m", "tests.serve.slow", "2", instance=tmp_path) as server:
        server.until_ready()
        served_by(server)  # what is loaded with the first request
        fewest = []
        for _ in range(BURSTS):
            served = served_by(server)
            fewest.append(min(served.values()) if len(served) == 2 else 0)
            time.sleep(0.03)
    assert sorted(fewest)[STALLS] >= FEWEST, sorted(fewest)
