"""A server as in production, with demo rows, and what the system says of its processes."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from quartapp.serve.prepare import prepare_database
from quartapp.settings import load_settings
from tests.serve.processes import START, Server, eventually, started

SECRETS = {
    "QUARTAPP_SECRET_KEY": "of a house that lasts for an hour",
    "QUARTAPP_JWT_SECRET_KEY": "and of the tokens that it gives away",
}
WHO = {"username": "admin", "password": "123456"}  # of the demo
ESTABLISHED = "01"
SOCKET = re.compile(r"socket:\[(\d+)\]")


@asynccontextmanager
async def serving(folder: Path, *, workers: int = 2, **env: str) -> AsyncIterator[Server]:
    """`quartapp serve` in production on a port of its own, ready; it is gone at the end.

    Signing in is not limited: everybody here is the same person at the same address.
    """
    await prepare_database(load_settings(_env_file=None, instance_path=folder, database_url=""))
    command = ("-m", "quartapp", "serve", "--workers", str(workers), "--bind", "127.0.0.1:0")
    settings = SECRETS | {"QUARTAPP_ENV": "production", "QUARTAPP_LOGIN_RATE_LIMIT": "0"} | env
    with started(*command, instance=folder, **settings) as server:
        await asyncio.to_thread(server.until_ready)
        yield server


def clients_of(pid: int, port: int) -> set[int]:
    """The client's ports of all connections to a port that a process has accepted."""
    sockets = _sockets(pid)
    return {theirs for inode, theirs in _table(port, ESTABLISHED) if inode in sockets}


def open_connections(port: int) -> int:
    """How many connections to a port are open on the server's side, accepted or not."""
    return len(_table(port, ESTABLISHED))


def workers_beside_reserve(server: Server, count: int) -> set[int]:
    """The workers that serve, once there are so many and one more that has loaded everything."""
    eventually(lambda: len(server.children()) == count + 1, within=START)
    reserve = max(server.children(), key=_started)
    eventually(lambda: _is_calm(reserve), within=START)
    return server.children() - {reserve}


def memory(pid: int) -> int:
    """The bytes of a process that are in memory."""
    found = re.search(r"^Rss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    assert found, "the system does not say"
    return int(found[1]) * 1024


def descriptors(pid: int) -> int:
    """How many files, sockets and pipes a process has open; those of the database's pool aside."""
    return sum("quartapp.db" not in link for link in _open_in(pid))


def is_stopped(pid: int) -> bool:
    """Whether a process was halted by a signal, and does nothing any more."""
    return _stat(pid)[0] == "T"


def _is_calm(pid: int) -> bool:
    """Whether a process waits for something, for long enough to be through with its start."""
    before = _used(pid)
    for _ in range(10):
        if _stat(pid)[0] != "S":
            return False
        time.sleep(0.05)
    return _used(pid) == before


def _used(pid: int) -> int:
    """What a process had of the processor, in ticks."""
    return int(_stat(pid)[11]) + int(_stat(pid)[12])


def _started(pid: int) -> int:
    """When a process was started, in ticks."""
    return int(_stat(pid)[19])


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _sockets(pid: int) -> set[str]:
    """The numbers by which the system knows the sockets of a process."""
    return {match[1] for link in _open_in(pid) if (match := SOCKET.fullmatch(link))}


def _open_in(pid: int) -> list[str]:
    """What each descriptor of a process leads to; nothing if the process is gone."""
    found = []
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                found.append(str(link.readlink()))
    return found


def _table(port: int, state: str) -> list[tuple[str, int]]:
    rows = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == state:
            rows.append((fields[9], int(fields[2].rpartition(":")[2], 16)))
    return rows
