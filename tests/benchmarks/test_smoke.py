"""Each workload runs, with counts so tiny that its figures mean nothing."""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.workloads import WORKLOADS
from tests.benchmarks.drawings import told_in
from tests.servers import missing

ROOT = Path(__file__).parents[2]
TIMEOUT = 200  # seconds
GOALS = 21  # at least so many lines of the table of goals
pytestmark = pytest.mark.slow


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )


@pytest.fixture(scope="session")
def python() -> str:
    """The Python of the environment that has the peers; without one there is nothing to run."""
    named = os.environ.get("QUARTAPP_BENCH_PYTHON", str(ROOT / ".venv-bench" / "bin" / "python"))
    needs = "import fastapi, granian, gunicorn, locust, uvicorn"
    candidates = [path for path in (named, sys.executable) if Path(path).exists()]
    fit = [path for path in candidates if run(path, "-c", needs).returncode == 0]
    if not fit:
        missing("bench", made_by="make bench-install")
    return fit[0]


@pytest.fixture(scope="session")
def output(python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one run of all workloads wrote."""
    folder = tmp_path_factory.mktemp("results")
    done = run(python, "-m", "benchmarks", "--smoke", "--output", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def results(output: Path) -> dict[str, Any]:
    """The results by the names of their workloads."""
    found = json.loads((output / "results.json").read_text(encoding="utf-8"))
    return {result["workload"]: result for result in found["results"]}


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_runs_and_every_request_is_answered(results: dict[str, Any], name: str) -> None:
    result = results[name]

    assert len({figure["contestant"] for figure in result["figures"]}) >= 3
    assert all(math.isfinite(value) for f in result["figures"] for value in f["values"])
    assert all(math.isfinite(value) for t in result["targets"] for value in t["values"])
    assert not result["notes"]


def test_the_goals_are_told_in_a_table_and_in_two_drawings(output: Path) -> None:
    table = (output / "results.md").read_text(encoding="utf-8").partition("\n\n")[0]

    assert len(table.splitlines()) >= GOALS
    assert "storm: p99 of a read" in table
    assert "storm: p99 of a read" in told_in(output / "goals.svg")
    assert "FastAPI, uvicorn" in told_in(output / "comparisons.svg")


@pytest.fixture
def address(python: str, tmp_path: Path) -> Iterator[str]:
    """The address of ours, with its demo rows."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = os.environ | {"QUARTAPP_INSTANCE_PATH": str(tmp_path)}
    command = [python, "-m", "quartapp", "serve", "--bind", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, cwd=ROOT, env=given, stdout=subprocess.DEVNULL) as server:
        deadline = time.monotonic() + 30
        while not answers(f"http://127.0.0.1:{port}/") and time.monotonic() < deadline:
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        server.send_signal(signal.SIGTERM)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


def test_people_and_programs_visit_without_a_failure(
    python: str, address: str, tmp_path: Path
) -> None:
    options = ["--headless", "--users", "6", "--spawn-rate", "6", "--run-time", "8s"]
    report = ["--csv", str(tmp_path / "load"), "--only-summary"]
    scenario = ["--locustfile", "benchmarks/load/locustfile.py", "--host", address]

    done = run(python, "-m", "locust", *scenario, *options, *report)

    assert done.returncode == 0, done.stdout + done.stderr
    names = (tmp_path / "load_stats.csv").read_text(encoding="utf-8")
    assert all(f",{name}," in names for name in ("sign in", "list", "API: sign in", "API: list"))
