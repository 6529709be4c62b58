"""How long a run of Argon2 takes, as the queue before the threads must know it."""

from __future__ import annotations

WEIGHT = 0.2  # of the latest run in what a run takes of a core
SLOW = 0.01  # of the latest run in what runs wait for a core


class Pace:
    """The seconds from the begin of a run to its end, learned from the runs.

    What a run takes of a core is believed soon; that it had to wait for one only when it goes on:
    while a crowd is taken in, the event loop goes first and a run takes ten times as long, and
    all of the crowd but a few would be sent away for what is over when their turn comes.
    """

    def __init__(self, guess: float) -> None:
        self._worked = guess
        self._waited = 0.0
        self._is_guess = True

    @property
    def seconds(self) -> float:
        """What the next runs are expected to take, each."""
        return self._worked + self._waited

    def count(self, *, worked: float, passed: float) -> None:
        """Learn from a run of `passed` seconds, in which its thread had a core for `worked`."""
        self._worked += (worked - self._worked) * (1 if self._is_guess else WEIGHT)
        self._waited += (max(passed - worked, 0) - self._waited) * SLOW
        self._is_guess = False
