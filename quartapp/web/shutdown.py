"""The end of the application, for those who would otherwise not end by themselves."""

from __future__ import annotations

import asyncio
from typing import cast

from quart import Quart, current_app


def shutting_down() -> asyncio.Event:
    """Set when the current application is asked to end; an endless stream waits for it, and ends.

    It is Quart's own `shutdown_event`. `quartapp serve` sets it as soon as it is told to stop;
    another server only when the last request has ended. Ask in the view, not in its generator.
    """
    return cast(asyncio.Event, current_app.shutdown_event)


def is_shutting_down(app: Quart) -> bool:
    """Whether an application was asked to end; never before it has started."""
    event = getattr(app, "shutdown_event", None)
    return event is not None and event.is_set()
