"""`quartapp serve`: what it says when it starts, and why it does not."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from tests.serve.processes import Server, alive, eventually, kill, started

SERVE = ("-m", "quartapp", "serve")
HERE = ("--bind", "127.0.0.1:0")


def serving(*options: str, instance: Path, **env: str) -> AbstractContextManager[Server]:
    """`quartapp serve` with options, on a free port unless they name another."""
    bind = () if "--bind" in options else HERE
    return started(*SERVE, *bind, *options, instance=instance, **env)


def refusal(*options: str, instance: Path, **env: str) -> tuple[int, str]:
    """The status and the reason of a start that fails; nothing else is printed."""
    with serving(*options, instance=instance, **env) as server:
        status = server.until_ended()
        assert server.out == []
        assert "Traceback" not in server.errors
        return status, server.errors


def rows(instance: Path, table: str) -> int:
    """How many rows a table of the embedded database holds."""
    with closing(sqlite3.connect(instance / "quartapp.db")) as database:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which another server listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield int(other.getsockname()[1])


@pytest.fixture(scope="session")
def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        return int(other.getsockname()[1])


def test_the_first_start_sows_demo_rows_and_says_so_and_the_second_does_not(
    tmp_path: Path,
) -> None:
    with serving(instance=tmp_path) as server:
        server.until_ready().until_printed("Demo")
        address = f"http://127.0.0.1:{server.port}"
        assert server.out == [
            f"quartapp 0.1.0 on {address} (development; Ctrl-C ends it)\n",
            "Demo: 25 houses, sign in as admin / 123456\n",
        ]
        assert server.get("/")[0] == 200
        status, seconds = server.stop(signal.SIGINT)
        assert (status, server.errors) == (0, "")
        assert seconds < 1.0
    assert (rows(tmp_path, "base_house"), rows(tmp_path, "t_admin")) == (25, 1)
    for secret in ("secret_key", "jwt_secret_key"):
        assert (tmp_path / secret).stat().st_mode & 0o777 == 0o600

    with closing(sqlite3.connect(tmp_path / "quartapp.db")) as database, database:
        database.execute("DELETE FROM base_house WHERE rowid > 3")
    with serving(instance=tmp_path) as server:
        server.until_ready()
        assert server.stop(signal.SIGINT)[0] == 0
        assert len(server.out) == 1
    assert (rows(tmp_path, "base_house"), rows(tmp_path, "t_admin")) == (3, 1)


def test_several_workers_serve_sow_once_and_start_again_without_the_database(
    tmp_path: Path,
) -> None:
    with serving("--workers", "2", instance=tmp_path) as server:
        server.until_ready().until_printed("Demo: 25 houses")
        assert ", 2 workers;" in server.out[0]
        assert server.get("/")[0] == 200
        assert rows(tmp_path, "base_house") == 25
        (tmp_path / "quartapp.db").write_text("no database any more")
        before = server.children()
        kill(min(before))
        new = eventually(lambda: server.children() - before, within=2.0)
        eventually(lambda: server.get("/")[0] == 200)
        kill(max(before))
        assert server.get("/")[0] == 200  # by the new one
        assert all(alive(pid) for pid in new)
        assert server.stop()[0] == 0


def test_a_lesson_alone_has_the_paths_of_the_tutorial(tmp_path: Path) -> None:
    with serving("--lesson", "hello", instance=tmp_path) as server:
        server.until_ready()
        assert server.get("/flask") == (200, "Hello Flask")


def test_it_serves_on_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with serving("--bind", f"unix:{path}", instance=tmp_path) as server:
        server.until_printed("quartapp 0.1.0 on unix:")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_port_taken_is_one_line(taken_port: int, tmp_path: Path, workers: str) -> None:
    bind = f"127.0.0.1:{taken_port}"
    assert refusal("--bind", bind, "--workers", workers, instance=tmp_path) == (
        1,
        f"Error: {bind}: address already in use; choose another one with --bind\n",
    )


def test_in_production_the_reason_is_a_line_of_the_log(taken_port: int, tmp_path: Path) -> None:
    settings = {
        "QUARTAPP_ENV": "production",
        "QUARTAPP_SECRET_KEY": "of a house that never opens its doors",
        "QUARTAPP_JWT_SECRET_KEY": "and of the tokens that nobody gets there",
    }
    status, line = refusal("--bind", f"127.0.0.1:{taken_port}", instance=tmp_path, **settings)
    reason = json.loads(line)
    assert (status, reason["level"], reason["logger"]) == (1, "critical", "quartapp.serve")
    assert "already in use" in reason["event"]


def test_in_production_each_bad_setting_is_a_line_of_the_log(tmp_path: Path) -> None:
    bad = {
        "QUARTAPP_ENV": "production",
        "QUARTAPP_DATABASE_URL": "postgresql://ann:geheim@house",
        "QUARTAPP_SECRET_KEY": "123",
    }
    status, lines = refusal(instance=tmp_path, **bad)
    reasons = [json.loads(line) for line in lines.splitlines()]
    assert status == 2
    assert {(each["level"], each["logger"]) for each in reasons} == {("critical", "quartapp.serve")}
    told = "\n".join(sorted(each["event"] for each in reasons))
    assert [line.partition(": ")[0] for line in told.splitlines()] == [
        "QUARTAPP_DATABASE_URL",
        "QUARTAPP_JWT_SECRET_KEY",
        "QUARTAPP_SECRET_KEY",
    ]
    assert "geheim" not in lines


def test_in_production_a_wrong_option_is_a_line_of_the_log(tmp_path: Path) -> None:
    settings = {
        "QUARTAPP_ENV": "production",
        "QUARTAPP_SECRET_KEY": "of a house that never opens its doors",
        "QUARTAPP_JWT_SECRET_KEY": "and of the tokens that nobody gets there",
    }
    status, line = refusal("--lesson", "nothing", instance=tmp_path, **settings)
    reason = json.loads(line)
    assert (status, reason["level"]) == (2, "critical")
    assert reason["event"].startswith("Invalid value for --lesson: 'nothing' is none of")


def test_bad_settings_are_named(tmp_path: Path) -> None:
    bad = {"QUARTAPP_ENV": "staging", "QUARTAPP_DATABASE_URL": "postgresql://"}
    status, reason = refusal(instance=tmp_path, **bad)
    assert status == 2
    assert "QUARTAPP_ENV: " in reason
    assert "QUARTAPP_DATABASE_URL: " in reason


def test_a_folder_that_cannot_be_made_is_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = str(tmp_path / "file" / "upload")
    status, errors = refusal(instance=tmp_path / "instance", QUARTAPP_UPLOAD_FOLDER=folder)
    assert status == 1
    assert folder in errors
    assert "Traceback" not in errors


def test_a_database_that_is_away_is_the_reason(free_port: int, tmp_path: Path) -> None:
    url = f"mysql+aiomysql://someone:hidden@127.0.0.1:{free_port}/house"
    status, reason = refusal("--workers", "2", instance=tmp_path, QUARTAPP_DATABASE_URL=url)
    assert status == 1
    assert "does not answer" in reason
    assert "mend QUARTAPP_DATABASE_URL" in reason
    assert "hidden" not in reason


def test_a_database_that_is_not_migrated_is_the_reason(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'own.db'}"
    status, reason = refusal(instance=tmp_path, QUARTAPP_DATABASE_URL=url)
    assert (status, "run `quartapp db upgrade`" in reason) == (1, True)


def test_hypercorn_serves_the_same_application(free_port: int, tmp_path: Path) -> None:
    command = ("-m", "hypercorn", "--bind", f"127.0.0.1:{free_port}", "-w", "0")
    with started(*command, "quartapp.asgi:app", instance=tmp_path) as server:
        eventually(lambda: "Running on" in server.errors)
        server.port = free_port
        assert server.get("/")[0] == 200
    assert rows(tmp_path, "base_house") == 0  # migrated, but not sown
