"""How long a run takes: learned at once from what it costs, and slowly from what is in its way."""

from __future__ import annotations

import time

import pytest

from quartapp.accounts.pace import Pace
from quartapp.accounts.passwords import Passwords


def after(runs: int, *, worked: float, passed: float) -> float:
    pace = Pace(guess=0.05)
    for _ in range(runs):
        pace.count(worked=worked, passed=passed)
    return pace.seconds


def test_before_the_first_run_it_is_a_guess() -> None:
    assert Pace(guess=0.05).seconds == 0.05


def test_the_first_run_takes_the_place_of_the_guess() -> None:
    pace = Pace(guess=5)
    pace.count(worked=0.03, passed=0.03)

    assert pace.seconds == pytest.approx(0.03)


def test_what_runs_cost_is_known_after_a_few() -> None:
    assert after(20, worked=0.5, passed=0.5) == pytest.approx(0.5, rel=0.05)


def test_while_a_crowd_is_taken_in_its_wait_is_not_ten_times_as_long() -> None:
    assert after(10, worked=0.03, passed=0.3) < 2 * 0.03


def test_what_stays_in_the_way_is_believed() -> None:
    assert after(500, worked=0.03, passed=0.3) == pytest.approx(0.3, rel=0.05)


def test_clocks_that_disagree_a_little_make_no_run_shorter() -> None:
    assert after(1, worked=0.03, passed=0.029) == pytest.approx(0.03)


async def test_what_a_thread_waited_for_is_not_what_it_worked() -> None:
    passwords = Passwords(threads=1)
    await passwords._run(time.sleep, 0.2)
    pace = passwords._pace.seconds
    passwords.close()

    assert pace < 0.05
