"""How many cores this process may use: those it is bound to, within its control group's limit."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

GROUPS = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")


def share_of_cores(processes: int = 1) -> int:
    """The cores for each of `processes` equal ones; at least 1, a begun one counts whole."""
    return max(1, math.ceil(min(bound_to(), quota()) / processes))


def bound_to() -> int:
    """The cores that the scheduler may put this process on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quota(groups: Path = GROUPS, mount: Path = MOUNT) -> float:
    """The cores that the control groups of this process let it use; infinite without a limit.

    Both versions are read, and every group above: the tightest limit counts. In a container the
    path may be that of the host, of which only the end of the way up is to be seen.
    """
    try:
        lines = groups.read_text(encoding="utf-8").splitlines()
    except OSError:
        return math.inf
    return min(
        (_limit(folder) for line in lines for folder in _folders(line, mount)), default=math.inf
    )


def _folders(line: str, mount: Path) -> Iterator[Path]:
    _, controllers, path = line.split(":", 2)
    if controllers and "cpu" not in controllers.split(","):
        return
    root = mount / "cpu" if controllers else mount
    way = PurePosixPath(path.lstrip("/"))
    yield from (root / part for part in (way, *way.parents))


def _limit(folder: Path) -> float:
    try:
        if (folder / "cpu.max").exists():
            most, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
        else:
            most = (folder / "cpu.cfs_quota_us").read_text(encoding="utf-8")
            period = (folder / "cpu.cfs_period_us").read_text(encoding="utf-8")
    except OSError:
        return math.inf
    return int(most) / int(period) if most.strip() not in {"max", "-1"} else math.inf
