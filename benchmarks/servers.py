"""The servers that are measured: ours and the peers, each in a session of processes of its own."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows import Rows

ROOT = Path(__file__).parents[1]
PEERS = "benchmarks.peers"
HELLO = "/lessons/hello/flask"
SECRET = "a secret of the benchmark, long enough to sign with"  # noqa: S105
START_TIMEOUT = 60.0  # seconds
STOP_TIMEOUT = 5.0
THREADS = 8  # of each worker of gunicorn
UPLOAD_LIMIT = 2 * 2**30  # bytes

Command = Callable[[str, int], list[str]]


@dataclass(frozen=True)
class Kind:
    """A program on a server; `command` takes an address and a number of workers."""

    name: str
    command: Command


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def _quartapp(bind: str, workers: int) -> list[str]:
    return _module("quartapp", "serve", "--bind", bind, "--workers", str(workers))


def _granian(bind: str, workers: int) -> list[str]:
    return [*_quartapp(bind, workers), "--server", "granian"]


def _waiting(bind: str, workers: int) -> list[str]:
    return _module("benchmarks.waiting", bind, str(workers))


def _flask(bind: str, workers: int) -> list[str]:
    options = ["-k", "gthread", "-w", str(workers), "--threads", str(THREADS), "-b", bind]
    # Room for a thousand connections that are kept, and for requests that wait long for a thread.
    options += ["--worker-connections", "4000", "--keep-alive", "75", "--timeout", "600"]
    return _module("gunicorn", *options, "--log-level", "warning", f"{PEERS}.flask_program:app")


def _fastapi(bind: str, workers: int) -> list[str]:
    host, port = bind.split(":")
    options = ["--host", host, "--port", port, "--timeout-keep-alive", "75", "--no-access-log"]
    if workers > 1:
        options += ["--workers", str(workers)]
    return _module("uvicorn", *options, "--log-level", "warning", f"{PEERS}.fastapi_program:app")


def _quart(bind: str, workers: int) -> list[str]:
    options = ["--bind", bind, "--workers", str(workers), "-k", "uvloop", "--keep-alive", "75"]
    return _module("hypercorn", *options, "--log-level", "warning", f"{PEERS}.quart_program:app")


def _quart_on_granian(bind: str, workers: int) -> list[str]:
    host, port = bind.split(":")
    options = ["--interface", "asgi", "--host", host, "--port", port, "--workers", str(workers)]
    options += ["--loop", "uvloop", "--log-level", "warning"]
    return _module("granian", *options, f"{PEERS}.quart_program:app")


OURS = Kind("quartapp, hypercorn", _quartapp)
OURS_ON_GRANIAN = Kind("quartapp, granian", _granian)
OURS_WAITING = Kind("quartapp, hypercorn", _waiting)
QUART = Kind("Quart alone, hypercorn", _quart)
QUART_ON_GRANIAN = Kind("Quart alone, granian", _quart_on_granian)
FLASK = Kind("Flask, gunicorn", _flask)
FASTAPI = Kind("FastAPI, uvicorn", _fastapi)


class Server:
    """A running server. `start` to the first answer took `startup` seconds."""

    def __init__(self, kind: Kind, *, rows: Rows, folder: Path, workers: int, core: int | None):
        self.name = kind.name
        self.workers = workers
        self.port = _free_port()
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self._log = self.folder / "log"
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        command = [*pinned, *kind.command(f"127.0.0.1:{self.port}", workers)]
        begin = time.perf_counter()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=os.environ | _settings(rows, self.folder, workers),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_for_an_answer()
        self.startup = time.perf_counter() - begin

    def pids(self) -> list[int]:
        """The processes of this server, those of its workers among them."""
        return [pid for pid in _all_pids() if _session(pid) == self._process.pid]

    @property
    def uploads(self) -> Path:
        """Where it keeps what is uploaded."""
        return self.folder / "upload"

    def memory(self) -> float:
        """What its processes hold, in MiB; what they share is counted once."""
        return sum(_smaps(pid, "Pss") for pid in self.pids()) / 1024

    def own_memory(self) -> float:
        """What its processes hold and share with nobody, in MiB."""
        fields = ("Private_Dirty", "Private_Clean")
        return sum(_smaps(pid, name) for pid in self.pids() for name in fields) / 1024

    def stop(self) -> None:
        """End it with all its processes."""
        pids = self.pids()
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pid in pids:
            if _session(pid) == self._process.pid:
                os.kill(pid, signal.SIGKILL)

    def _wait_for_an_answer(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{self.name} did not start:\n{self._log.read_text()}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_TIMEOUT)
        try:
            connection.request("GET", HELLO)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


def missing() -> list[str]:
    """What is missing for a run: names of modules and of commands."""
    from importlib.util import find_spec

    modules = ("gunicorn", "granian", "uvicorn", "fastapi", "flask_jwt_extended")
    absent = [module for module in modules if find_spec(module) is None]
    return absent + [command for command in ("taskset",) if shutil.which(command) is None]


def _settings(rows: Rows, folder: Path, workers: int) -> Mapping[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "QUARTAPP_ENV": "production",
        "QUARTAPP_LESSONS": "on",
        "QUARTAPP_SECRET_KEY": SECRET,
        "QUARTAPP_JWT_SECRET_KEY": SECRET[::-1],
        "QUARTAPP_DATABASE_URL": rows.url,
        "QUARTAPP_INSTANCE_PATH": str(folder),
        "QUARTAPP_UPLOAD_FOLDER": str(folder / "upload"),
        "QUARTAPP_MAX_UPLOAD_BYTES": str(UPLOAD_LIMIT),
        "QUARTAPP_LOGIN_RATE_LIMIT": "0",
        "QUARTAPP_LOG_LEVEL": "warning",  # the peers write no line for a request either
        "QUARTAPP_WORKERS": str(workers),
        "BENCH_DATABASE_URL": rows.plain_url,
        "BENCH_SECRET": SECRET[::-1],
        "BENCH_UPLOAD_FOLDER": str(folder / "upload"),
    }


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _all_pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def _smaps(pid: int, name: str) -> int:
    """A line of a process's summary, in KiB; 0 if it ended meanwhile."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name}:"))
