"""Requests on HTTP/2, where one connection carries many and a body may come unannounced."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

import pytest
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded

from tests.serve.processes import Server, started

DRAIN = 5.0  # seconds for which an answer waits for the rest of a body that nobody reads


class Browser:
    """One connection, with prior knowledge of HTTP/2 (RFC 9113, 3.3)."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=2 * DRAIN)
        self._h2 = H2Connection()
        self._h2.initiate_connection()
        self.statuses: dict[int, int] = {}
        self.bodies: dict[int, bytes] = {}
        self.over: set[int] = set()
        self.send()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def ask(self, method: str, path: str, *, ends: bool = True) -> int:
        """Begin a request; its stream."""
        stream = self._h2.get_next_available_stream_id()
        head = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "here")]
        self._h2.send_headers(stream, head, end_stream=ends)
        self.send()
        return stream

    def say(self, stream: int, data: bytes, *, ends: bool = False) -> None:
        """Send more of a body."""
        self._h2.send_data(stream, data, end_stream=ends)
        self.send()

    def pour(self, stream: int, size: int) -> bool:
        """Send a body of that size, as fast as the server takes it; False if it closes before."""
        while size:
            room = min(size, self._h2.local_flow_control_window(stream), 16_384)
            if room:
                self.say(stream, b"x" * room, ends=room == size)
                size -= room
            elif not self.hear():
                return False
        return True

    def send(self) -> None:
        self._socket.sendall(self._h2.data_to_send())

    def hear_until(self, enough: Callable[[], bool]) -> bool:
        """Take in what the server says; False if it closes the connection before that."""
        while not enough():
            if not self.hear():
                return False
        return True

    def hear(self) -> bool:
        """Take in what has come, and wait for it; False if the server closes the connection."""
        if not (data := self._socket.recv(65536)):
            return False
        for event in self._h2.receive_data(data):
            match event:
                case ResponseReceived():
                    named = dict(event.headers or [])
                    self.statuses[event.stream_id or 0] = int(named[b":status"])
                case DataReceived():
                    stream = event.stream_id or 0
                    self.bodies[stream] = self.bodies.get(stream, b"") + (event.data or b"")
                case StreamEnded():
                    self.over.add(event.stream_id or 0)
                case ConnectionTerminated():
                    return False
        self.send()
        return True


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    instance = tmp_path_factory.mktemp("instance")
    with started("-m", "quartapp", "serve", "--bind", "127.0.0.1:0", instance=instance) as made:
        yield made.until_ready()


@pytest.mark.parametrize(
    ("path", "status"),
    [("/lessons/hello/flask", 405), ("/livez", 405), ("/nope", 404), ("/" + "a" * 9000, 414)],
)
def test_a_body_that_comes_after_its_refusal_is_in_no_other_requests_way(
    path: str, status: int, server: Server
) -> None:
    with Browser(server.port) as browser:
        refused = browser.ask("POST", path, ends=False)
        assert browser.hear_until(lambda: refused in browser.statuses)
        assert browser.statuses[refused] == status
        browser.say(refused, b"late")
        other = browser.ask("GET", "/lessons/hello/flask")
        assert browser.hear_until(lambda: other in browser.over)
        assert browser.bodies[other] == b"Hello Flask"
        browser.say(refused, b"later", ends=True)
        assert browser.hear_until(lambda: refused in browser.over)


def test_a_long_body_that_is_refused_is_in_no_other_requests_way(server: Server) -> None:
    with Browser(server.port) as browser:
        refused = browser.ask("POST", "/" + "a" * 9000, ends=False)
        assert browser.pour(refused, 3 * 2**20)
        other = browser.ask("GET", "/lessons/hello/flask")
        assert browser.hear_until(lambda: {refused, other} <= browser.over)
        assert (browser.statuses[refused], browser.statuses[other]) == (414, 200)


@pytest.mark.slow
def test_a_body_that_comes_too_late_ends_its_connection_with_a_word_in_the_log(
    server: Server,
) -> None:
    with Browser(server.port) as browser:
        refused = browser.ask("POST", "/lessons/hello/flask", ends=False)
        assert browser.hear_until(lambda: refused in browser.over)
        browser.say(refused, b"too late")
        assert not browser.hear_until(lambda: False)
    assert server.get("/lessons/hello/flask") == (200, "Hello Flask")
    (line,) = server.errors.splitlines()
    assert "its client said more on a stream that was over" in line
