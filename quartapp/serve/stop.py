"""How a serving process is asked to stop, and what makes sure that it does."""

from __future__ import annotations

import asyncio
import atexit
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

LAST_MOMENT = 2.0  # seconds after the shutdown timeout at which a process ends, whatever still runs

WAY_OUT = 0.5  # seconds for a process that has served to be gone

_log = logging.getLogger("quartapp.serve")


class Stop:
    """The first SIGINT or SIGTERM asks for an end; the second one, or `limit` seconds, make it.

    With `patient` further signals are ignored: a worker may get one from whoever signals all
    processes, when its supervisor has asked already. `at_last` is called before a hard end.
    """

    def __init__(
        self, *, limit: float, patient: bool = False, at_last: Callable[[], None] | None = None
    ) -> None:
        self.asked = asyncio.Event()
        self._done = False
        self._limit = limit
        self._patient = patient
        self._at_last = at_last
        self._loop = asyncio.get_running_loop()

    def watch(self) -> None:
        """Take over the signals, until the process is gone.

        The handlers are Python's and not the event loop's: they run while a request holds it.
        """
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGALRM, self._on_alarm)

    def ask(self) -> None:
        """Begin to stop, and see to it that it ends."""
        if not self.asked.is_set():
            signal.setitimer(signal.ITIMER_REAL, self._limit)
            self.asked.set()

    def done(self) -> None:
        """Say that everything ended in good order, and that nothing but the way out is left."""
        self._done = True
        # The interpreter searches all objects for garbage on its way out, for a quarter of a
        # second; of those that are frozen it knows that they are to stay.
        gc.freeze()
        # Threads that still work are waited for on the way out, but not for long.
        signal.setitimer(signal.ITIMER_REAL, WAY_OUT)
        # What follows them is short, and there Python takes its handlers away: an alarm would be
        # how this process ended.
        atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if not self.asked.is_set():
            self.ask()
            with suppress(RuntimeError):  # the loop may have ended meanwhile
                self._loop.call_soon_threadsafe(lambda: None)  # wakes it
        elif not self._patient:
            self._end_now(128 + number)

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        if not self._done:
            with suppress(OSError, RuntimeError):
                _log.error("something would not end in time; stopped all the same")
        self._end_now(0 if self._done else 1)

    def _end_now(self, status: int) -> None:
        """End without waiting for threads or tasks, with what was printed written out."""
        if self._at_last is not None:
            self._at_last()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, RuntimeError, ValueError):
                stream.flush()
        os._exit(status)
