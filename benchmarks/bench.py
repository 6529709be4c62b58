"""What every workload is given: how much to do, the rows, the servers, turns that are fair."""

from __future__ import annotations

import resource
import sys
from asyncio import run
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import client, machine
from benchmarks.results import Figure
from benchmarks.rows import PASSWORD, USERNAME, Rows, rows
from benchmarks.servers import HELLO, Kind, Server

LOGIN = "/lessons/jwt-refresh/login"
DASHBOARD = "/lessons/jwt-refresh/dashboard"
SIGN_IN = "/api/v1/auth/sign-in"
OPEN_FILES = 8192


@dataclass(frozen=True)
class Scale:
    """How much is done: a real run, or a smoke test that only shows that it runs."""

    rounds: int = 5
    seconds: float = 5.0  # of plain throughput, a contestant and round
    login_seconds: float = 12.0  # of logins
    warm_seconds: float = 1.0
    workers: int = 0  # of a server; 0: one for each core
    bound: bool = True  # whether one-core servers are bound to a core
    clients: int = 16
    logins: Sequence[int] = (16, 200)
    burst: int = 1000
    storm: int = 500
    open: int = 1000
    few: int = 1_000
    many: int = 1_000_000
    asked: int = 100  # times the same page, one after the other
    upload: int = 2**30  # bytes
    uploads: int = 2  # rounds of them
    keep_servers: bool = False  # from one workload to the next


SMOKE = Scale(
    rounds=1,
    seconds=0.5,
    login_seconds=0.5,
    warm_seconds=0,
    workers=1,
    bound=False,
    clients=2,
    logins=(2, 4),
    burst=8,
    storm=4,
    open=8,
    few=200,
    many=400,
    asked=3,
    upload=2**20,
    uploads=1,
    keep_servers=True,
)


@dataclass
class Bench:
    """One run. `server` is the address of a MySQL server; without one there is SQLite."""

    scale: Scale
    folder: Path
    server: str = ""
    _stack: ExitStack = field(default_factory=ExitStack)
    _rows: dict[int, Rows] = field(default_factory=dict)
    _kept: dict[tuple[Any, ...], Server] = field(default_factory=dict)

    def __enter__(self) -> Bench:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, OPEN_FILES), hard), hard))
        return self

    def __exit__(self, *_: object) -> None:
        with self._stack:
            for server in self._kept.values():
                server.stop()

    def rows(self, count: int) -> Rows:
        """The database with so many houses; made when it is first asked for."""
        if count not in self._rows:
            self.say(f"  {count} rows")
            made = rows(count, server=self.server, folder=self.folder)
            self._rows[count] = self._stack.enter_context(made)
        return self._rows[count]

    @contextmanager
    def servers(
        self,
        *kinds: Kind,
        workers: int | None = None,
        one_core: bool = False,
        houses: int | None = None,
    ) -> Iterator[list[Server]]:
        """Running servers, warm; a worker for each core, or one bound to one core."""
        kept = self.rows(houses or self.scale.few)
        count = 1 if one_core else workers or self.scale.workers or len(machine.cores())
        core = self.core_of_server if one_core else None
        start = partial(Server, rows=kept, folder=self.folder, workers=count, core=core)
        keys = [(kind, count, core, kept) for kind in kinds]
        with ThreadPoolExecutor() as threads, ExitStack() as stack:
            starting = [threads.submit(self._one, start, *key) for key in keys]
            for key, future in zip(keys, starting, strict=True):
                stack.callback(self._leave, key, future)
            running = [future.result() for future in starting]
            for server in running if self.scale.warm_seconds else ():
                self.warm_up(server)
            yield running

    def _one(self, start: Callable[[Kind], Server], kind: Kind, *key: Any) -> Server:
        return self._kept.pop((kind, *key), None) or start(kind)

    def _leave(self, key: tuple[Any, ...], starting: Future[Server]) -> None:
        """Stop a server, or keep it for the next workload; one that did not start is gone."""
        if starting.exception():
            return
        if self.scale.keep_servers:
            self._kept[key] = starting.result()
        else:
            starting.result().stop()

    @property
    def core_of_server(self) -> int | None:
        """The core that a server is bound to; None where it is to none."""
        return machine.cores()[0] if self._binds else None

    @property
    def core_of_client(self) -> int | None:
        """The core that the load then comes from."""
        return machine.cores()[1] if self._binds else None

    @property
    def _binds(self) -> bool:
        return self.scale.bound and len(machine.cores()) > 1

    def warm_up(self, server: Server) -> None:
        """Ask a while before anything is measured."""
        hello = client.request("GET", HELLO)
        run(
            client.closed_loop(
                server.port, hello, clients=self.scale.clients, seconds=self.scale.warm_seconds
            )
        )

    def in_turns(
        self,
        contestants: Sequence[Server],
        measure: Callable[[Server], float],
        *,
        name: str,
        unit: str = "1/s",
        less_is_better: bool = False,
        rounds: int | None = None,
    ) -> list[Figure]:
        """Measure each in every round, and begin each round with another one."""
        values: list[list[float]] = [[] for _ in contestants]
        for turn in range(rounds or self.scale.rounds):
            for number in range(len(contestants)):
                index = (turn + number) % len(contestants)
                values[index].append(measure(contestants[index]))
        return [
            Figure(contestant.name, name, unit, found, less_is_better)
            for contestant, found in zip(contestants, values, strict=True)
        ]

    def say(self, text: str) -> None:
        """Tell whoever waits what is going on."""
        sys.stderr.write(f"{text}\n")


def login() -> bytes:
    """The request that signs in to a lesson, and to the peers."""
    return client.form(LOGIN, username=USERNAME, password=PASSWORD)


def sign_in() -> bytes:
    """The request that signs in to the API."""
    return client.posted(SIGN_IN, {"username": USERNAME, "password": PASSWORD})


def token_read(server: Server) -> bytes:
    """The request that reads what a token protects."""
    token = run(client.once(server.port, login()))["access_token"]
    return client.request("GET", DASHBOARD, token=token)


def api_token(server: Server) -> str:
    """An access token for the API."""
    return str(run(client.once(server.port, sign_in()))["access_token"])
