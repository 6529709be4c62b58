"""The machine that measures: what it is, whether it is quiet, how fast it hashes passwords."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher, Type
from nacl.pwhash import argon2id

from quartapp.accounts.passwords import MEMORY_KIB, TIME_COST

PACKAGES = (
    *("quart", "hypercorn", "granian", "uvloop", "sqlalchemy", "pynacl", "argon2-cffi"),
    *("flask", "gunicorn", "flask-jwt-extended", "flask-sqlalchemy"),
    *("fastapi", "starlette", "uvicorn", "httptools"),
)
QUIET = 0.05  # of the machine's time is the most that others may use before figures are doubted

PASSWORD = "123456"  # noqa: S105 - the tutorial's
HASHER = PasswordHasher(  # of the peers
    time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=1, type=Type.ID
)
ENCODED = HASHER.hash(PASSWORD)

# What verifies one password, by the library: the peers' and ours.
ARGON2: Mapping[str, Callable[[], object]] = {
    "argon2-cffi": lambda: HASHER.verify(ENCODED, PASSWORD),
    "libsodium": lambda: argon2id.verify(ENCODED.encode(), PASSWORD.encode()),
}


def cores() -> list[int]:
    """The numbers of the cores that may be used."""
    return sorted(os.sched_getaffinity(0))


def description() -> dict[str, Any]:
    """What was measured on, and which versions."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(cores()),
        "packages": versions,
    }


def others_share(seconds: float) -> float:
    """The share of the machine's time that is in use while we do nothing: 0 is quiet."""
    idle, total = _times()
    time.sleep(seconds)
    idle_now, total_now = _times()
    return 1 - (idle_now - idle) / max(1, total_now - total)


def argon2_rate(verify: Callable[[], object], seconds: float) -> float:
    """Passwords that all cores together verify in a second, with nothing around it."""
    rates: list[float] = []

    def go_on() -> None:
        count, begin = 0, time.perf_counter()
        while (passed := time.perf_counter() - begin) < seconds:
            verify()
            count += 1
        rates.append(count / passed)

    threads = [threading.Thread(target=go_on) for _ in cores()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(rates)


def _times() -> tuple[int, int]:
    line = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
    ticks = [int(number) for number in line.split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
