"""`quartapp serve --server granian`: the same application on another server."""

from __future__ import annotations

import json
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from quartapp.serve import on_granian
from quartapp.serve.config import read_config
from quartapp.serve.errors import FAILED, REFUSED
from tests.serve.processes import Server, alive, eventually, kill
from tests.serve.test_options import run
from tests.serve.test_options import toml as toml  # noqa: PLC0414
from tests.serve.test_start import refusal, rows, serving

SIGN_IN = "/api/v1/auth/sign-in"
GRANIAN = ("--server", "granian")
ADMIN = {"username": "admin", "password": "123456"}


def ask(server: Server, method: str, path: str, body: object = None) -> tuple[int, Any]:
    """Send JSON on a connection of its own; the status and what came back."""
    connection = server.connect()
    try:
        data = json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def begin(server: Server, path: str, body: bytes) -> socket.socket:
    """Send JSON, but for the last byte; the view waits for it."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    client = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    client.sendall(head.encode() + body[:-1])
    eventually(lambda: "requests_in_progress 1.0" in server.get("/metrics")[1])
    return client


def until_closed(client: socket.socket) -> bytes:
    """All that still comes."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_it_serves_and_answers_what_runs_before_it_ends(tmp_path: Path) -> None:
    settings = {"QUARTAPP_SHUTDOWN_TIMEOUT": "20", "TMPDIR": str(tmp_path)}
    options = (*GRANIAN, "--workers", "2")
    with serving(*options, instance=tmp_path, **settings) as server, ExitStack() as stack:
        server.until_ready()
        assert server.get("/livez") == (200, "ok\n")
        assert server.get("/lessons/hello/flask") == (200, "Hello Flask")
        status, tokens = ask(server, "POST", SIGN_IN, ADMIN)
        assert (status, tokens["token_type"]) == (200, "Bearer")
        # granian would share the port, and one client in two would get the wrong server.
        status, reason = refusal(*GRANIAN, "--bind", f"127.0.0.1:{server.port}", instance=tmp_path)
        assert (status, "address already in use" in reason) == (FAILED, True)
        running = stack.enter_context(begin(server, SIGN_IN, json.dumps(ADMIN).encode()))
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: not accepts(server.port))
        running.sendall(b"}")
        answer = until_closed(running)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"access_token" in answer
        assert (server.until_ended(), server.errors) == (0, "")
    assert rows(tmp_path, "base_house") == 25
    assert not list(tmp_path.glob("quartapp-metrics-*"))


@pytest.mark.slow
def test_workers_whose_parent_is_gone_end_and_tell_those_who_wait(tmp_path: Path) -> None:
    settings = {"QUARTAPP_SHUTDOWN_TIMEOUT": "0.2"}
    with (
        serving(*GRANIAN, "--lesson", "login-json", instance=tmp_path, **settings) as server,
        ExitStack() as stack,
    ):
        server.until_ready()
        workers = server.children()
        running = stack.enter_context(begin(server, "/login", b"{}"))
        kill(server.process.pid)
        assert until_closed(running).startswith(b"HTTP/1.1 503 ")
        eventually(lambda: not any(map(alive, workers)))


@pytest.mark.usefixtures("toml")
def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "granian", None)
    result = run(*GRANIAN)
    assert result.exit_code == REFUSED
    assert result.output == "Error: granian is not installed: pip install 'quartapp[granian]'\n"


@pytest.mark.usefixtures("toml")
def test_a_server_that_nobody_knows_is_refused() -> None:
    result = run("--server", "uvicorn")
    assert (result.exit_code, "'hypercorn', 'granian'" in result.output) == (REFUSED, True)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('bind = ["127.0.0.1:0", "[::1]:0"]', "bind: one address"),
        ('bind = ["fd://3"]', "bind: one address"),
        ('keyfile = "key.pem"', "keyfile: TLS is left to a proxy"),
        ("max_requests = 5", "max_requests: granian counts none"),
    ],
)
def test_what_granian_would_leave_out_is_refused(toml: Path, line: str, reason: str) -> None:
    toml.write_text(line)
    result = run(*GRANIAN)
    assert result.exit_code == REFUSED
    assert reason in result.output


@pytest.mark.usefixtures("toml")
def test_it_does_not_reload() -> None:
    result = run(*GRANIAN, "--reload")
    assert (result.exit_code, "--reload" in result.output) == (REFUSED, True)


def test_a_unix_socket_is_left_for_granian_to_make(tmp_path: Path) -> None:
    config = read_config()
    config.bind = f"unix:{tmp_path / 'socket'}"
    address = on_granian.free_address(config, remote=False)
    assert address.for_granian(0o007) == {"uds": tmp_path / "socket", "uds_permissions": 0o770}
    assert not address.answers()
    assert not list(tmp_path.iterdir())
