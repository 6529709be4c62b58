"""Metrics of a server of several workers: one sum, whichever answers and whichever dies."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from tests.serve.processes import Server, eventually, kill, started
from tests.telemetry.reading import Reading

SERVE = ("-m", "quartapp", "serve", "--workers", "2", "--bind", "127.0.0.1:0")
FOLDER = "quartapp-metrics-*"


def read(server: Server) -> Reading:
    status, text = server.get("/metrics")
    assert status == 200
    return Reading(text)


def seen(server: Server) -> float:
    return read(server)("http_requests_total", method="GET", route="/login", status="200")


def all_gone(server: Server, workers: set[int]) -> bool:
    return not server.children() & workers


@pytest.mark.slow
def test_any_worker_tells_the_sum_and_the_death_of_one_takes_nothing_away(tmp_path: Path) -> None:
    with started(*SERVE, instance=tmp_path / "instance", TMPDIR=str(tmp_path)) as server:
        server.until_ready()
        first = server.children()
        for _ in range(20):
            server.get("/login")
        assert {seen(server) for _ in range(8)} == {20}
        assert next(tmp_path.glob(FOLDER)).stat().st_mode & 0o077 == 0

        kill(min(first))
        assert seen(server) == 20
        eventually(lambda: server.children() - first)
        for _ in range(5):
            server.get("/login")
        assert {seen(server) for _ in range(8)} == {25}
        eventually(lambda: read(server)("workers") == 2)

        # A proxy on this machine asks for anybody in the world.
        connection = server.connect()
        connection.request("GET", "/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
        assert connection.getresponse().status == 404
        connection.close()

        assert server.stop()[0] == 0
        assert list(tmp_path.glob(FOLDER)) == []


@pytest.mark.slow
def test_workers_that_are_renewed_go_on_counting_in_the_same_files(tmp_path: Path) -> None:
    with started(*SERVE, instance=tmp_path / "instance", TMPDIR=str(tmp_path)) as server:
        server.until_ready()
        for renewals in range(1, 4):
            before = server.children()
            server.get("/login")
            server.process.send_signal(signal.SIGHUP)
            eventually(partial(all_gone, server, before))
            eventually(lambda: read(server)("workers") == 2)
            assert seen(server) == renewals
        # One more than there are workers, for the time in which two share a place.
        assert len(list(next(tmp_path.glob(FOLDER)).glob("counter_*.db"))) == 3


@pytest.mark.slow
def test_a_hard_end_leaves_no_folder_either(tmp_path: Path) -> None:
    with started(*SERVE, instance=tmp_path / "instance", TMPDIR=str(tmp_path)) as server:
        server.until_ready()
        assert list(tmp_path.glob(FOLDER))
        for child in server.children():
            os.kill(child, signal.SIGSTOP)  # they will not end
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert server.stop()[0] == 128 + signal.SIGTERM
        assert list(tmp_path.glob(FOLDER)) == []
