"""How figures become ratios, a table and drawings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.results import Figure, Result, Target, compared, ratios, table, write
from tests.benchmarks.drawings import told_in

OURS = Figure("quartapp, hypercorn", "answers", "1/s", [10, 20, 90])
FLASK = Figure("Flask, gunicorn", "answers", "1/s", [10, 10, 30])
RESULT = Result(
    "hello",
    "Hello <&>",
    [OURS, FLASK],
    [Target("hello / Flask", ratios(OURS, FLASK), 1.5, 2.5)],
)


def test_a_ratio_is_taken_in_each_round_and_the_one_in_the_middle_counts() -> None:
    assert ratios(OURS, FLASK) == [1, 2, 3]
    assert RESULT.targets[0].value == 2  # and not 20 / 10 of the middle figures by chance


@pytest.mark.parametrize(
    ("values", "less_is_better", "reached", "share"),
    [
        ([1.5], False, True, 1),
        ([1.4], False, False, 1.4 / 1.5),
        ([3.0], False, True, 2),
        ([1.5], True, True, 1),
        ([3.0], True, False, 0.5),
        ([float("nan")], False, False, 0),
    ],
)
def test_a_goal_is_reached_at_its_limit(
    values: list[float], less_is_better: bool, reached: bool, share: float
) -> None:
    goal = Target("goal", values, 1.5, 2, less_is_better=less_is_better)

    assert goal.reached is reached
    assert goal.share == pytest.approx(share)


def test_the_table_tells_the_middle_the_spread_and_what_was_wanted() -> None:
    assert table([RESULT]).splitlines()[-1] == (
        "| hello / Flask | 2 x | 1 .. 3 | ≥ 1.5 x | ≥ 2.5 x | reached |"
    )
    assert compared([RESULT]).splitlines()[-1] == (
        "| Hello <&> | answers | Flask, gunicorn | 0.5 |"
    )


def test_everything_is_written_also_what_a_drawing_must_escape(tmp_path: Path) -> None:
    write(tmp_path / "new", [RESULT], {"cores": 2})

    found = json.loads((tmp_path / "new" / "results.json").read_text(encoding="utf-8"))
    assert found["about"] == {"cores": 2}
    assert (
        found["results"][0]["targets"][0] | {"median": 2, "reached": True}
        == (found["results"][0]["targets"][0])
    )
    for name, expected in (("goals.svg", "2 x reached"), ("comparisons.svg", "Hello <&>: answers")):
        assert expected in told_in(tmp_path / "new" / name)
