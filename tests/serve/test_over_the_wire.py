"""What only a real connection shows: answers that arrive, and a stderr that nobody can fill."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest

from tests.serve.processes import Server, eventually, started

FORM = "application/x-www-form-urlencoded"
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: "
HANDSHAKE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the lessons."""
    instance = tmp_path_factory.mktemp("instance")
    with started("-m", "quartapp", "serve", "--bind", "127.0.0.1:0", instance=instance) as made:
        yield made.until_ready()


def raw(server: Server, request: bytes) -> bytes:
    """The first bytes of the answer to these."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(request)
        return connection.recv(1000)


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        ("/lessons/login-form/login", FORM, 413),
        ("/lessons/login-json/login", "application/json", 413),
        ("/lessons/hello/flask", FORM, 405),
        ("/nope", FORM, 404),
        ("/lessons/upload/uploader", "multipart/form-data; boundary=x", 400),
    ],
)
@pytest.mark.parametrize("size", [600_000, 15_000_000, 30_000_000])
def test_a_large_body_that_is_refused_early_gets_its_answer(
    path: str, kind: str, status: int, size: int, server: Server
) -> None:
    connection = server.connect()
    try:
        connection.request("POST", path, b"a" * size, {"Content-Type": kind})
        answer = connection.getresponse()
        assert answer.status in {status, 413, 400 if "json" in kind else 413}
        assert answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("path", ["/nope", "/lessons/hello/flask", "/lessons/jwt/dashboard"])
def test_an_answer_that_is_there_before_a_chunked_body_is_too_long_arrives(
    path: str, server: Server
) -> None:
    connection = server.connect()
    try:
        body = (b"a" * 1_000_000 for _ in range(30))
        connection.request("POST", path, body, {"Content-Type": FORM}, encode_chunked=True)
        answer = connection.getresponse()
        assert answer.status in {404, 405, 413}
        assert len(answer.read()) == int(answer.headers["Content-Length"])
    finally:
        connection.close()


@pytest.mark.parametrize("host", [b".", b"a..b", b"a" * 64])
def test_a_malformed_host_is_400(host: bytes, server: Server) -> None:
    assert b" 400 " in raw(server, b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        (b"/" + b"a" * 20_000, b"", b"414"),
        (b"/api/v1/houses?" + b"a&" * 10_000, b"", b"414"),
        (b"/", b"X-A: " + b"a" * 20_000 + b"\r\n", b"431"),
        (b"/", b"a: b\r\n" * 200, b"431"),
        (b"/", b"Cookie: " + b"a=b; " * 4000 + b"\r\n", b"431"),
        (b"/", b"X-A: " + b"a" * 200_000 + b"\r\n", b"431"),  # hypercorn's own answer
        (b"/lessons/hello/flask?" + b"a&" * 4000, b"", b"200"),
        (b"/lessons/hello/flask", b"Cookie: " + b"a=b; " * 3000 + b"\r\n", b"200"),
    ],
    ids=[
        "target",
        "parameters",
        "a field",
        "fields",
        "cookies",
        "without an end",
        "large parameters",
        "large cookies",
    ],
)
def test_a_head_that_is_too_large_is_told_why(
    target: bytes, headers: bytes, status: bytes, server: Server
) -> None:
    request = b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n"
    assert raw(server, request).split()[1] == status


@pytest.mark.parametrize("path", [b"/", b"/lessons/hello/flask", b"/lessons/session/"])
def test_a_websocket_is_refused(path: bytes, server: Server) -> None:
    answer = raw(server, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + HANDSHAKE + b"\r\n\r\n")
    assert answer.split()[1][:1] == b"4"


@pytest.mark.parametrize("settings", [b"AAA", b"AAAA", b"AAIAAABk"])
def test_a_faulty_upgrade_leaves_the_server_alone(settings: bytes, server: Server) -> None:
    raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n" + UPGRADE + settings + b"\r\n\r\n")
    assert server.get("/lessons/hello/flask") == (200, "Hello Flask")


def test_of_all_these_refusals_none_is_still_in_progress(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: here\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 414")

    def in_progress() -> bytes:
        (line,) = re.findall(rb"^quartapp_http_requests_in_progress .*", metrics(), re.MULTILINE)
        return bytes(line)

    def metrics() -> bytes:
        other = server.connect()
        other.request("GET", "/metrics")
        text = other.getresponse().read()
        other.close()
        return text

    eventually(lambda: in_progress().endswith(b" 0.0"))


def test_each_answer_tells_the_second_in_which_it_was_made(server: Server) -> None:
    for _ in range(2):
        asked = int(time.time())
        answer = raw(server, b"GET /livez HTTP/1.1\r\nHost: here\r\n\r\n").decode()
        [date] = re.findall(r"^date: (.*)\r$", answer, re.MULTILINE)
        assert asked <= parsedate_to_datetime(date).timestamp() <= time.time()
        time.sleep(1.1)


def test_nothing_of_all_this_was_written_on_stderr(server: Server) -> None:
    assert server.get("/lessons/hello/flask")[0] == 200
    assert server.errors == ""
