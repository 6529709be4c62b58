"""Servers that are stopped, renewed and hurt while many ask: nothing that was begun is lost."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from tests.serve.load import Load, begun
from tests.serve.processes import Server, eventually, kill, started

TIMEOUT = "5"
HERE = 0  # no workers: the process that was started serves, without a supervisor
REPLACED = 2.0  # seconds


@contextmanager
def serving(workers: int, instance: Path, **env: str) -> Iterator[Server]:
    """The slow application in so many workers, ready."""
    how = [str(workers)] if workers else []
    settings = {"QUARTAPP_SHUTDOWN_TIMEOUT": TIMEOUT} | env
    with started("-m", "tests.serve.slow", *how, instance=instance, **settings) as server:
        yield server.until_ready()


def until_asked(load: Load, requests: int) -> None:
    """Wait until so many more requests were answered."""
    enough = len(load.whole) + requests
    eventually(lambda: len(load.whole) >= enough)


def check_the_end(server: Server, load: Load, ended: tuple[int, float]) -> None:
    """What was begun was answered, and what failed had not been accepted any more."""
    assert (ended[0], server.errors) == (0, "")
    assert begun(server).keys() == load.whole.keys()
    assert all("Connect" in why or "Incomplete" in why for why in load.failed.values())


def test_a_stop_cuts_no_request_that_was_begun(tmp_path: Path) -> None:
    with serving(HERE, tmp_path) as server:
        with Load(server.port).running() as load:
            until_asked(load, 150)
            ended = server.stop()
        check_the_end(server, load, ended)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_renewing_the_workers_refuses_nothing_and_neither_it_nor_a_stop_cuts_anything(
    workers: int, tmp_path: Path
) -> None:
    with serving(workers, tmp_path) as server:
        old = server.children()
        with Load(server.port).running() as load:
            until_asked(load, 50)
            server.process.send_signal(signal.SIGHUP)
            eventually(lambda: not server.children() & old)
            until_asked(load, 50)
            assert len(server.children()) == workers
            assert load.failed == {}
            ended = server.stop()
        check_the_end(server, load, ended)


@pytest.mark.slow
def test_a_worker_that_has_served_enough_is_renewed_without_a_cut(tmp_path: Path) -> None:
    with serving(1, tmp_path, MAX_REQUESTS="60") as server:
        old = server.children()
        with Load(server.port).running() as load:
            eventually(lambda: not server.children() & old)
        assert (load.failed, server.errors) == ({}, "")
        assert len(load.whole) > 60


def kill_one(server: Server, load: Load) -> float:
    """Kill a worker; the seconds until a new one answered."""
    killed = len(server.err)
    eventually(lambda: server.out.count("loaded\n") == killed + 3)  # one is in reserve
    eventually(lambda: len(load.pids(time.monotonic() - 0.5)) == 2)
    workers = load.pids(time.monotonic() - 0.5)
    victim = min(workers)
    earlier, failed = set(load.pids()), len(load.failed)
    moment = time.monotonic()
    kill(victim)
    eventually(lambda: load.pids() - earlier)
    first = min(a.at for a in list(load.whole.values()) if a.pid not in earlier)
    by_others = [a for a in list(load.whole.values()) if moment < a.at < first]
    assert by_others, "the others did not serve on"
    assert {a.pid for a in by_others} <= workers
    in_others = {name for name, pid in begun(server).items() if pid != victim}
    lost = list(load.failed)[failed:]
    assert not in_others & set(lost), "a request in another worker failed"
    click.echo(f"killed {victim}: {len(lost)} requests lost, replaced in {first - moment:.2f} s")
    return first - moment


def test_a_killed_worker_takes_only_its_own_requests_along(tmp_path: Path) -> None:
    with serving(2, tmp_path, RESERVE="1") as server, Load(server.port).running() as load:
        assert kill_one(server, load) < REPLACED
        told = r"worker \d+ was killed by SIGKILL; another one takes its place\n"
        assert re.fullmatch(told, server.errors)


@pytest.mark.slow
def test_twenty_killed_workers_take_only_their_own_requests_along(tmp_path: Path) -> None:
    with serving(2, tmp_path, RESERVE="1") as server:
        with Load(server.port).running() as load:
            seconds = [kill_one(server, load) for _ in range(20)]
        click.echo(
            f"{len(seconds)} kills, {len(load.whole)} answers, {len(load.failed)} lost; replaced "
            f"in {sorted(seconds)[10]:.2f} s (median), {max(seconds):.2f} s (longest)"
        )
        assert max(seconds) < REPLACED
        assert server.stop()[0] == 0
