"""What was found: a row for each fault, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One fault: what must be true, what was measured, and whether that is enough."""

    fault: str
    must: str
    measured: str
    reached: bool
    figures: Mapping[str, float] = field(default_factory=dict)  # the same for programs


def table(rows: Sequence[Row]) -> str:
    """All rows in Markdown."""
    lines = ["| fault | must | measured | reached |", "| --- | --- | --- | --- |"]
    for row in rows:
        verdict = "yes" if row.reached else "**NO**"
        lines.append(f"| {row.fault} | {row.must} | {row.measured} | {verdict} |")
    return "\n".join(lines)


def as_json(rows: Sequence[Row], about: Mapping[str, Any]) -> str:
    """All rows for programs, and on what they were measured."""
    told = {"about": about, "rows": [asdict(row) for row in rows]}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
