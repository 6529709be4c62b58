"""What was found: figures, the ratios between them, and how they are told."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """What one contestant came to: a value for each round."""

    contestant: str
    measure: str
    unit: str
    values: Sequence[float]
    less_is_better: bool = False

    @property
    def value(self) -> float:
        """The one in the middle."""
        return median(self.values)


@dataclass(frozen=True)
class Target:
    """What ought to be reached: a ratio, or a limit with a unit, for each round."""

    name: str
    values: Sequence[float]
    must: float
    hoped: float
    unit: str = "x"
    less_is_better: bool = False

    @property
    def value(self) -> float:
        """The one in the middle."""
        return median(self.values)

    @property
    def reached(self) -> bool:
        """Whether it is what it must be."""
        return self.value <= self.must if self.less_is_better else self.value >= self.must

    @property
    def share(self) -> float:
        """How far it is: 1 is just what it must be, 2 twice as good."""
        if math.isnan(self.value):
            return 0.0
        return self.must / max(self.value, 1e-9) if self.less_is_better else self.value / self.must


@dataclass
class Result:
    """All that a workload found."""

    workload: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def ratios(one: Figure, other: Figure) -> list[float]:
    """One over the other, round by round: what the machine did met both alike."""
    pairs = zip(one.values, other.values, strict=True)
    return [mine / theirs if theirs else math.nan for mine, theirs in pairs]


def table(results: Sequence[Result]) -> str:
    """What must be reached and what was, as a table in Markdown."""
    lines = [
        "| workload | median | from .. to | must | hoped | |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        for target in result.targets:
            spread = f"{_told(min(target.values))} .. {_told(max(target.values))}"
            cells = (
                target.name,
                f"{_told(target.value)} {target.unit}",
                spread,
                _limit(target, target.must),
                _limit(target, target.hoped),
                "reached" if target.reached else "NOT reached",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def compared(results: Sequence[Result]) -> str:
    """Each figure beside the first of its measure, which is ours: ratios, as a table."""
    lines = ["| workload | measure | contestant | ours is 1 |", "| --- | --- | --- | --- |"]
    for result in results:
        for measure, figures in by_measure(result).items():
            for figure in figures:
                ratio = median(ratios(figure, figures[0]))
                cells = (result.title, measure, figure.contestant, _told(ratio))
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def by_measure(result: Result) -> dict[str, list[Figure]]:
    """The figures of a workload, those that can be compared together."""
    groups: dict[str, list[Figure]] = {}
    for figure in result.figures:
        groups.setdefault(figure.measure, []).append(figure)
    return groups


def as_json(results: Sequence[Result], about: dict[str, Any]) -> str:
    """Everything, for programs: medians, every round, and on what it was measured."""
    told = []
    for result in results:
        entry = asdict(result)
        for figure, values in zip(result.figures, entry["figures"], strict=True):
            values["median"] = figure.value
        for target, values in zip(result.targets, entry["targets"], strict=True):
            values |= {"median": target.value, "reached": target.reached}
        told.append(entry)
    return json.dumps({"about": about, "results": told}, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path, results: Sequence[Result], about: dict[str, Any]) -> None:
    """Write table, JSON and chart into a folder."""
    from benchmarks.chart import comparisons, goals

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(as_json(results, about), encoding="utf-8")
    (folder / "results.md").write_text(f"{table(results)}\n\n{compared(results)}\n", "utf-8")
    (folder / "goals.svg").write_text(goals(results), encoding="utf-8")
    (folder / "comparisons.svg").write_text(comparisons(results), encoding="utf-8")


def _limit(target: Target, value: float) -> str:
    return f"{'≤' if target.less_is_better else '≥'} {_told(value)} {target.unit}"


def _told(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
