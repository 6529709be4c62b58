"""A server that is told to stop, in this process alone, with requests that take their time."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.serve.processes import Server, eventually, started

TIMEOUT = 0.5  # seconds that running requests are given
MARGIN = 1.0  # what may come on top of it, on a machine that is busy
IDLE = 1.0  # seconds in which a server without requests ends

Answer = Future[tuple[int, str]]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The slow application, ready."""
    settings = {"QUARTAPP_SHUTDOWN_TIMEOUT": str(TIMEOUT)}
    with started("-m", "tests.serve.slow", instance=tmp_path, **settings) as server:
        yield server.until_ready()


def begin(server: Server, path: str) -> Answer:
    """Ask for a page whose view has begun when this returns."""
    answer: Answer = Future()

    def ask() -> None:
        try:
            answer.set_result(server.get(path))
        except (OSError, HTTPException) as error:
            answer.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    server.until_printed("begun")
    return answer


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_idle_server_ends_at_once(server: Server, number: signal.Signals) -> None:
    status, seconds = server.stop(number)
    assert (status, server.errors) == (0, "")
    assert seconds < IDLE
    assert "closed" in "".join(server.out)


def test_what_its_start_has_made_is_no_garbage(server: Server) -> None:
    assert int(server.get("/spared")[1]) > 10_000


def test_idle_connections_do_not_hold_it(server: Server) -> None:
    kept, silent, half = server.connect(), server.connect(), server.connect()
    kept.request("GET", "/pid")
    assert kept.getresponse().read()
    silent.connect()
    half.connect()
    half.send(b"GET /pid HTTP/1.1\r\nHost: here\r\n")  # its head never ends
    status, seconds = server.stop(signal.SIGINT)
    for connection in (kept, silent, half):
        connection.close()
    assert (status, server.errors) == (0, "")
    assert seconds < IDLE


def test_a_request_that_ends_in_time_is_answered_whole(server: Server) -> None:
    answer = begin(server, "/sleep/0.2")
    status, seconds = server.stop()
    assert answer.result(5) == (200, "whole " * 1000)
    assert (status, server.errors) == (0, "")
    assert seconds < IDLE


def test_a_request_that_does_not_end_is_refused_at_the_timeout(server: Server) -> None:
    answer = begin(server, "/sleep/30.0")
    status, seconds = server.stop()
    assert answer.result(5) == (503, "The server is stopping; try again.\n")
    assert (status, server.errors) == (0, "")
    assert TIMEOUT <= seconds < TIMEOUT + MARGIN
    assert "closed" in "".join(server.out)


def test_a_stream_without_an_end_is_cut_at_the_timeout(server: Server) -> None:
    answer = begin(server, "/stream")
    status, seconds = server.stop()
    assert isinstance(answer.exception(5), HTTPException)  # no last chunk: it is not whole
    assert (status, server.errors) == (0, "")
    assert seconds < TIMEOUT + MARGIN


def test_a_stream_that_waits_for_the_end_ends_itself(server: Server) -> None:
    answer = begin(server, "/listen")
    status, seconds = server.stop()
    assert answer.result(5) == (200, "first last")
    assert (status, server.errors) == (0, "")
    assert seconds < IDLE


def test_a_connection_that_is_kept_open_is_told_that_it_closes(server: Server) -> None:
    kept = server.connect()
    kept.request("GET", "/sleep/0.3")
    server.until_printed("begun")
    server.process.send_signal(signal.SIGTERM)
    answer = kept.getresponse()
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    assert answer.read() == b"whole " * 1000
    kept.close()
    assert server.until_ended() == 0


def test_it_is_not_ready_from_the_moment_it_is_told(server: Server) -> None:
    kept = server.connect()
    told: list[tuple[int, str | None, dict[str, object]]] = []

    def ask_on() -> None:
        while not told or told[-1][1] != "close":
            kept.request("GET", "/readyz")
            answer = kept.getresponse()
            checks = json.loads(answer.read())["checks"]
            told.append((answer.status, answer.headers["Connection"], checks["serving"]))

    asking = threading.Thread(target=ask_on, daemon=True)
    asking.start()
    eventually(lambda: told)
    assert server.stop()[0] == 0
    asking.join(5)
    kept.close()
    status, _, serving = told[-1]
    assert (status, serving["reason"]) == (503, "is shutting down")
    assert {status for status, _, _ in told[:-1]} == {200}


def test_a_client_that_does_not_read_does_not_hold_it(server: Server) -> None:
    connection = server.connect()
    connection.request("GET", "/flood")
    server.until_printed("begun")
    status, seconds = server.stop()
    connection.close()
    assert (status, server.errors) == (0, "")
    assert TIMEOUT <= seconds < TIMEOUT + 1.1 + MARGIN
    assert "closed" in "".join(server.out)


def test_a_thread_that_goes_on_does_not_keep_the_process(server: Server) -> None:
    begin(server, "/thread")
    status, seconds = server.stop()
    assert status == 0
    assert TIMEOUT <= seconds < TIMEOUT + 1.5 + MARGIN
    assert "closed" in "".join(server.out)
    assert server.errors == ""


def test_what_cannot_be_cancelled_does_not_keep_the_application_from_closing(
    server: Server,
) -> None:
    begin(server, "/stubborn")
    status, seconds = server.stop()
    assert status == 1
    assert seconds < TIMEOUT + 2.0 + MARGIN
    assert "closed" in "".join(server.out)
    assert server.errors == "something would not end in time; stopped all the same\n"


def test_a_view_that_blocks_the_event_loop_does_not_keep_the_process(server: Server) -> None:
    begin(server, "/block")
    status, seconds = server.stop()
    assert status == 1
    assert seconds < TIMEOUT + 2.0 + MARGIN
    assert server.errors == "something would not end in time; stopped all the same\n"


def test_a_second_signal_ends_it_at_once(server: Server) -> None:
    begin(server, "/sleep/30.0")
    server.process.send_signal(signal.SIGINT)
    status, seconds = server.stop(signal.SIGTERM)
    assert status in {128 + signal.SIGTERM, 128 + signal.SIGINT}  # the later one, or both at once
    assert seconds < TIMEOUT
    assert server.errors == ""


def test_an_application_that_does_not_start_is_the_reason(tmp_path: Path) -> None:
    with started("-m", "tests.serve.slow", instance=tmp_path, BROKEN="no paper") as server:
        assert server.until_ended() == 1
        # Before it is what Quart logs, which `serve` keeps back.
        assert server.errors.endswith(
            "\nThe application did not start: Lifespan failure in startup. 'no paper'\n"
        )
        assert server.out == []
