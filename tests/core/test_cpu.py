"""The cores of a process: what it is bound to, and what its control groups let it use."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from quartapp.core import cpu


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("cpu_", "cpu.")).write_text(text + "\n", encoding="utf-8")


def read(tmp_path: Path, groups: str) -> float:
    (tmp_path / "cgroup").write_text(groups, encoding="utf-8")
    return cpu.quota(tmp_path / "cgroup", tmp_path / "mount")


def test_the_tightest_group_on_the_way_up_counts(tmp_path: Path) -> None:
    write(tmp_path / "mount" / "a", cpu_max="150000 100000")
    write(tmp_path / "mount" / "a" / "b", cpu_max="max 100000")

    assert read(tmp_path, "0::/a/b\n") == 1.5


def test_a_container_sees_its_own_group_as_the_root(tmp_path: Path) -> None:
    write(tmp_path / "mount", cpu_max="50000 100000")

    assert read(tmp_path, "0::/docker/of/the/host\n") == 0.5


def test_the_first_version_has_two_files(tmp_path: Path) -> None:
    write(tmp_path / "mount" / "cpu" / "a", cpu_cfs_quota_us="300000", cpu_cfs_period_us="100000")
    write(tmp_path / "mount" / "cpu", cpu_cfs_quota_us="-1", cpu_cfs_period_us="100000")
    write(tmp_path / "mount" / "memory" / "a", cpu_cfs_quota_us="1", cpu_cfs_period_us="1")

    assert read(tmp_path, "4:memory:/a\n3:cpu,cpuacct:/a\n1:name=systemd:/\n") == 3


@pytest.mark.parametrize("groups", ["", "0::/\n", "0::/../outside\n", "1:name=systemd:/\n"])
def test_without_a_limit_there_is_none(tmp_path: Path, groups: str) -> None:
    assert read(tmp_path, groups) == math.inf


def test_a_system_without_control_groups_sets_no_limit(tmp_path: Path) -> None:
    assert cpu.quota(tmp_path / "none", tmp_path) == math.inf


@pytest.mark.parametrize(
    ("bound", "quota", "processes", "share"),
    [(8, math.inf, 1, 8), (8, 2.5, 1, 3), (8, math.inf, 3, 3), (2, math.inf, 4, 1), (4, 0.1, 1, 1)],
)
def test_equal_processes_share_alike_and_each_has_one(
    monkeypatch: pytest.MonkeyPatch, bound: int, quota: float, processes: int, share: int
) -> None:
    monkeypatch.setattr(cpu, "bound_to", lambda: bound)
    monkeypatch.setattr(cpu, "quota", lambda: quota)

    assert cpu.share_of_cores(processes) == share


def test_this_process_has_a_core() -> None:
    assert cpu.share_of_cores() >= 1
