"""Servers as real processes, which are gone when a test ends, whatever happened in it."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")

TOP = Path(__file__).parents[2]
PATIENCE = 20.0  # seconds in which anything happens, also on a machine that is busy
START = 60.0  # seconds in which a server starts there, and each of its workers


@dataclass
class Server:
    """A started command, what it has printed so far, and how to talk to it."""

    process: subprocess.Popen[str]
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    port: int = 0

    def __post_init__(self) -> None:
        self._readers = [
            threading.Thread(target=_collect, args=(stream, lines), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    def until_ready(self) -> Server:
        """Wait for the line with the address, and remember the port."""
        line = self.until_printed(r"http://127\.0\.0\.1:(\d+)", within=START)
        self.port = int(line.group(1))
        return self

    def until_printed(self, pattern: str, within: float = PATIENCE) -> re.Match[str]:
        """Wait until something of this form was printed, or written into the log."""
        found = eventually(
            lambda: re.search(pattern, "".join(self.out + self.err)) or self._ended(), within
        )
        assert isinstance(found, re.Match), f"ended: {''.join(self.out + self.err)}"
        return found

    def until_ended(self, within: float = PATIENCE) -> int:
        """Wait for its end; the exit status."""
        status = self.process.wait(within)
        for reader in self._readers:
            reader.join(PATIENCE)
        return status

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Signal it and wait for the end; the exit status and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        status = self.until_ended()
        return status, time.monotonic() - began

    def get(self, path: str, timeout: float = PATIENCE) -> tuple[int, str]:
        """Ask for a page on a connection of its own; the status and the text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def connect(self) -> http.client.HTTPConnection:
        """A connection that stays open; whoever asked closes it."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    @property
    def errors(self) -> str:
        """What it wrote on stderr."""
        return "".join(self.err)

    def children(self) -> set[int]:
        """The processes that it started and that live."""
        return children_of(self.process.pid)

    def _ended(self) -> bool:
        return self.process.poll() is not None


@contextmanager
def started(*command: str, instance: Path, **env: str) -> Iterator[Server]:
    """Run `python COMMAND` with these QUARTAPP_* settings and no others.

    On stderr is what went wrong, and nothing of the requests that did not.
    """
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=TOP,
        env=_environment(env | {"QUARTAPP_INSTANCE_PATH": str(instance)}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,  # so that a test can signal the group, as a terminal does
    )
    server = Server(process)
    try:
        yield server
    finally:
        family = {process.pid, *children_of(process.pid)}
        for pid in family:
            if pid != process.pid or process.poll() is None:
                kill(pid)
        server.until_ended()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def eventually(look: Callable[[], Result], within: float = PATIENCE) -> Result:
    """Look again and again until there is something."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"did not happen within {within} s"
        time.sleep(0.02)
    return found


def children_of(pid: int) -> set[int]:
    """The living child processes of a process."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return set()
    return {int(child) for child in listed if alive(int(child))}


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def kill(pid: int) -> None:
    """End a process at once, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _environment(env: dict[str, str]) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if "QUART" not in key}
    return inherited | {"PYTHONPATH": str(TOP), "QUARTAPP_LOG_LEVEL": "warning"} | env


def _collect(stream: object, lines: list[str]) -> None:
    for line in stream:  # type: ignore[attr-defined]
        lines.append(line)
