"""Private servers for the suite, each in a folder and on a port of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pymysql
import pytest

from tests.certificate import certify

START_TIMEOUT = 60.0  # seconds
SBIN = "/usr/sbin:/usr/local/sbin"

DURABLE = ("--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite")
# Nobody needs these rows after a power cut.
HASTY = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--skip-innodb-doublewrite",
)


@dataclass
class Private(ABC):
    """A server of our own. `stop` and `start` make it go away and come back as it was."""

    binary: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                log_of_it = (self.folder / "log").read_text()
                raise RuntimeError(f"{self.binary} did not start:\n{log_of_it}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it and wait until it is gone."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def kill(self) -> None:
        """End it at once, as a crash does; `start` lets it recover."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Let it hang: it takes connections and says nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        # Its threads stop one after the other: one might still answer the next question.
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it is ready."""


@dataclass
class MariaDB(Private):
    """A MariaDB. One that is `durable` keeps what it has committed also when it is killed."""

    durable: bool = False

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return f"mysql+aiomysql://root@127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str]:
        """What starts it."""
        return [
            self.binary,
            "--no-defaults",
            *_as_root(),
            f"--datadir={self.folder / 'data'}",
            f"--tmpdir={self.folder}",
            f"--socket={self.folder / 'socket'}",
            f"--pid-file={self.folder / 'pid'}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-log-bin",
            "--skip-name-resolve",
            "--performance-schema=off",
            *(DURABLE if self.durable else HASTY),
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=16M",
            "--key-buffer-size=1M",
            "--max-connections=120",
        ]

    def answers(self) -> bool:
        """Whether it takes a connection."""
        try:
            self.connect().close()
        except pymysql.err.OperationalError:
            return False
        return True

    def connect(self, database: str | None = None) -> pymysql.Connection[pymysql.cursors.Cursor]:
        """A plain connection, for what a test does behind the application's back."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            database=database,
            charset="utf8mb4",
            autocommit=True,
        )

    def run(
        self, sql: str, *values: object, database: str | None = None
    ) -> list[tuple[object, ...]]:
        """Run one statement and give back its rows."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return list(cursor.fetchall())


@dataclass
class Redis(Private):
    """A Redis that keeps nothing. With `tls` it speaks that alone, by a certificate of its own."""

    tls: bool = False

    @property
    def url(self) -> str:
        """The address of its first database."""
        if self.tls:
            return f"rediss://127.0.0.1:{self.port}/0?ssl_ca_certs={self.folder}/fullchain.pem"
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        """What starts it."""
        address = ["--port", str(self.port), "--bind", "127.0.0.1"]
        if self.tls:
            address[:2] = ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            address += ["--tls-cert-file", f"{self.folder}/fullchain.pem"]
            address += ["--tls-key-file", f"{self.folder}/privkey.pem"]
        keep_nothing = ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        return [self.binary, *address, *keep_nothing]

    def answers(self) -> bool:
        """Whether it answers a ping."""
        try:
            return self.ask("PING") == b"+PONG\r\n"
        except OSError:
            return False

    def ask(self, command: str) -> bytes:
        """Send one command and give back the beginning of its answer, as it came."""
        with self._connect() as connection:
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(65536)

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        if not self.tls:
            return connection
        trusted = ssl.create_default_context(cafile=self.folder / "fullchain.pem")
        return trusted.wrap_socket(connection, server_hostname="127.0.0.1")


def missing(server: str, *, made_by: str = "make services") -> NoReturn:
    """Skip a test whose server is not installed, or fail it where the server is required."""
    required = os.environ.get("QUARTAPP_TEST_REQUIRE", "").split(",")
    message = f"{server} is not installed: `{made_by}` installs it"
    if server in (name.strip() for name in required):
        pytest.fail(f"{message} (QUARTAPP_TEST_REQUIRE names it)")
    pytest.skip(message)


def find_mariadb() -> str | None:
    """The server's binary, if it is installed."""
    return shutil.which("mariadbd", path=os.pathsep.join((os.environ.get("PATH", ""), SBIN)))


def find_redis() -> str | None:
    """The server's binary, if it is installed."""
    return shutil.which("redis-server", path=os.environ.get("PATH", ""))


@contextmanager
def redis(binary: str, *, tls: bool = False) -> Iterator[Redis]:
    """A server that is gone afterwards, with all that it held."""
    with tempfile.TemporaryDirectory(prefix="quartapp-redis-") as folder:
        server = Redis(binary, Path(folder), free_port(), tls=tls)
        if tls:
            certify(server.folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def mariadb(binary: str, *, durable: bool = False) -> Iterator[MariaDB]:
    """A server that is gone afterwards, with all that it held."""
    # A short path: that of a socket has at most 107 letters.
    folder = Path(tempfile.mkdtemp(prefix="quartapp-db-"))
    server = MariaDB(binary, folder, free_port(), durable=durable)
    try:
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                *_as_root(),
                f"--datadir={folder / 'data'}",
                # In a folder that they share, each that starts removes the tables of the others.
                f"--tmpdir={folder}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            check=True,
            capture_output=True,
        )
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _as_root() -> list[str]:
    # Root must say that it means it; anybody else runs the server as themselves.
    return ["--user=root"] if os.geteuid() == 0 else []


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
