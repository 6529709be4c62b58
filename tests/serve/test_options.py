"""Options and hypercorn.toml: what is refused before anything starts."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quartapp.cli.serve import serve
from quartapp.serve import start
from quartapp.serve.config import read_config
from quartapp.serve.errors import ServeError
from quartapp.serve.sockets import open_sockets


@pytest.fixture
def toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hypercorn.toml for the command, on settings of its own."""
    for name in ("ENV", "DATABASE_URL"):
        monkeypatch.delenv(f"QUARTAPP_{name}", raising=False)
    monkeypatch.setenv("QUARTAPP_INSTANCE_PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hypercorn.toml"
    path.write_text('bind = ["127.0.0.1:0"]\n')
    monkeypatch.setattr(start, "read_config", lambda: read_config(path))
    return path


def run(*options: str) -> Result:
    """`quartapp serve`, in this process: it never comes to serving."""
    return CliRunner().invoke(serve, options)


@pytest.mark.parametrize(
    "bind", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "[2001:db8::1]:0", "[::ffff:192.0.2.1]:0"]
)
@pytest.mark.usefixtures("toml")
def test_development_does_not_listen_beyond_loopback(bind: str) -> None:
    result = run("--bind", bind)
    assert result.exit_code == 2
    assert "can be reached from other machines" in result.output
    assert "--insecure-remote" in result.output


@pytest.mark.usefixtures("toml")
def test_a_hostname_counts_as_what_it_resolves_to(monkeypatch: pytest.MonkeyPatch) -> None:
    beyond = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: beyond)
    assert run("--bind", "house.example:5000").exit_code == 2


def test_the_bind_of_the_file_is_looked_at_too(toml: Path) -> None:
    toml.write_text('bind = ["127.0.0.1:0", "0.0.0.0:0"]\n')
    result = run()
    assert (result.exit_code, "0.0.0.0:0 can be reached" in result.output) == (2, True)


def test_an_inherited_socket_is_looked_at_too() -> None:
    config = read_config()
    with socket.create_server(("0.0.0.0", 0)) as beyond:  # noqa: S104
        config.bind = f"fd://{beyond.fileno()}"
        with pytest.raises(ServeError, match="can be reached from other machines"):
            open_sockets(config, remote=False)


def test_it_listens_on_ipv6() -> None:
    config = read_config()
    config.bind = "[::1]:0"
    sockets = open_sockets(config, remote=False)
    assert re.fullmatch(r"http://\[::1\]:\d+", sockets.addresses(tls=False)[0])
    sockets.bind[0].close()


def test_a_unix_socket_that_answers_is_not_taken_away(tmp_path: Path) -> None:
    config = read_config()
    config.bind = f"unix:{tmp_path / 'socket'}"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "socket"))
        other.listen()
        with pytest.raises(ServeError, match="address already in use"):
            open_sockets(config, remote=False)
    sockets = open_sockets(config, remote=False)  # left over from a server that is gone
    assert sockets.addresses(tls=False) == [config.bind[0]]
    sockets.bind[0].close()


def test_whoever_insists_may_listen_beyond_loopback() -> None:
    config = read_config()
    config.bind = "0.0.0.0:0"
    sockets = open_sockets(config, remote=True)
    assert sockets.addresses(tls=False)[0].startswith("http://0.0.0.0:")
    sockets.bind[0].close()


@pytest.mark.parametrize(
    "bind", ["5000", "127.0.0.1", ":5000", "127.0.0.1:x", "127.0.0.1:65536", "::1:5000", "unix:"]
)
@pytest.mark.usefixtures("toml")
def test_what_is_no_address_is_refused(bind: str) -> None:
    result = run("--bind", bind)
    assert (result.exit_code, "is no address" in result.output) == (2, True)


@pytest.mark.usefixtures("toml")
def test_an_unknown_lesson_is_refused_with_the_known_ones() -> None:
    result = run("--lesson", "nonsense")
    assert (result.exit_code, "jwt-refresh" in result.output) == (2, True)


@pytest.mark.parametrize("workers", ["0", "-1", "many"])
@pytest.mark.usefixtures("toml")
def test_a_number_of_workers_that_cannot_be_is_refused(workers: str) -> None:
    assert run("--workers", workers).exit_code == 2


@pytest.mark.usefixtures("toml")
def test_reload_is_for_one_worker_in_development(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "one worker" in run("--reload", "--workers", "2").output
    monkeypatch.setenv("QUARTAPP_ENV", "production")
    for secret in ("SECRET_KEY", "JWT_SECRET_KEY"):
        monkeypatch.setenv(f"QUARTAPP_{secret}", "0123456789abcdefghijklmnopqrstuvwxyz")
    result = run("--reload")
    assert (result.exit_code, "for development" in result.output) == (2, True)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("graceful_timout = 9", "graceful_timout: hypercorn knows no such key; graceful_timeout?"),
        ("graceful_timeout = 9", "set QUARTAPP_SHUTDOWN_TIMEOUT"),
        ("use_reloader = true", "use --reload"),
        ('keep_alive_timeout = "65"', "keep_alive_timeout: '65' is of the wrong type"),
        ("include_server_header = 0", "include_server_header: 0 is of the wrong type"),
        ('max_requests = "many"', "max_requests: 'many' is of the wrong type"),
        ("bind = [5000]", "bind: [5000] is of the wrong type"),
        ("workers = -1", "workers: -1 is of the wrong type"),
        ("from_toml = 1", "from_toml: hypercorn knows no such key"),
        ("= 1", "Invalid"),
    ],
)
def test_a_file_that_hypercorn_would_misread_is_refused(toml: Path, line: str, reason: str) -> None:
    toml.write_text(line)
    result = run()
    assert result.exit_code == 2
    assert reason in result.output


def test_a_file_that_is_not_there_is_the_reason(toml: Path) -> None:
    toml.unlink()
    result = run()
    assert (result.exit_code, "hypercorn.toml: No such file" in result.output) == (2, True)
