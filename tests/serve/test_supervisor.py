"""Several workers on one socket, and what becomes of them when one dies, or all, or the parent."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.processes import Server, alive, eventually, kill, started

WORKERS = 2
TIMEOUT = 0.4
STILLBORN = ("-m", "tests.serve.slow", "1", "tests.serve.stillborn")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The slow application behind several workers, all of them ready."""
    command = ("-m", "tests.serve.slow", str(WORKERS))
    settings = {"QUARTAPP_SHUTDOWN_TIMEOUT": str(TIMEOUT)}
    with started(*command, instance=tmp_path, **settings) as server:
        yield server.until_ready()


def pids(server: Server, connections: int = 12) -> set[int]:
    """The workers that answer on so many connections at once."""
    opened = [server.connect() for _ in range(connections)]
    for connection in opened:
        connection.connect()
    answers = set()
    for connection in opened:
        connection.request("GET", "/pid")
        answers.add(int(connection.getresponse().read()))
        connection.close()
    return answers


def test_a_signal_ends_them_all(server: Server) -> None:
    children = server.children()
    status, seconds = server.stop()
    assert (status, server.errors) == (0, "")
    assert seconds < 1.0
    assert not any(alive(child) for child in children)
    assert server.out.count("closed\n") == WORKERS


def test_a_signal_to_every_process_at_once_ends_them_quietly(server: Server) -> None:
    connection = server.connect()
    connection.request("GET", "/sleep/0.2")
    server.until_printed("begun")
    os.killpg(server.process.pid, signal.SIGINT)  # as a terminal does
    for child in server.children():
        os.kill(child, signal.SIGTERM)  # as systemd does, to all
    assert connection.getresponse().read() == b"whole " * 1000
    connection.close()
    assert (server.until_ended(), server.errors) == (0, "")


def test_running_requests_have_the_shutdown_timeout(server: Server) -> None:
    connection = server.connect()
    connection.request("GET", "/sleep/30.0")
    server.until_printed("begun")
    status, seconds = server.stop()
    assert connection.getresponse().status == 503
    connection.close()
    assert (status, server.errors) == (0, "")
    assert TIMEOUT <= seconds < TIMEOUT + 1.0


def test_a_second_signal_ends_them_all_at_once(server: Server) -> None:
    connection = server.connect()
    connection.request("GET", "/block")
    server.until_printed("begun")
    children = server.children()
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    status, seconds = server.stop(signal.SIGINT)
    connection.close()
    assert status == 128 + signal.SIGINT
    assert seconds < TIMEOUT
    eventually(lambda: not any(alive(child) for child in children))


def test_workers_do_not_outlive_a_killed_parent(server: Server) -> None:
    children = server.children()
    kill(server.process.pid)
    server.until_ended()
    eventually(lambda: not any(alive(child) for child in children), within=2.0)
    assert server.errors == ""


def test_workers_that_die_at_their_start_make_it_give_up(tmp_path: Path) -> None:
    with started(*STILLBORN, instance=tmp_path) as server:
        assert server.until_ended() == 1
        assert server.errors.count("stillborn") >= 5
        assert re.search(
            r"A worker died 5 times at its start \(at last worker \d+ ended with status 1\)",
            server.errors,
        )


def test_workers_that_die_at_their_start_are_tried_again(tmp_path: Path) -> None:
    with started(*STILLBORN, instance=tmp_path, SURVIVORS_AFTER="4") as server:
        server.until_ready()
        assert server.get("/pid")[0] == 200
        assert server.stop()[0] == 0
        assert server.errors.count("stillborn") == 4


def test_a_new_worker_that_does_not_start_leaves_the_old_one_to_serve(tmp_path: Path) -> None:
    two = [str(WORKERS) if word == "1" else word for word in STILLBORN]
    with started(*two, instance=tmp_path, SURVIVORS_AFTER="0") as server:
        old = server.until_ready().children()
        (tmp_path / "broken").touch()
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: "ended with status 1; the old one goes on" in server.errors)
        assert pids(server) <= old
        (tmp_path / "broken").unlink()
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: not server.children() & old)
        assert server.stop()[0] == 0
        assert server.errors.count("stillborn") == 1  # the other place was not tried
