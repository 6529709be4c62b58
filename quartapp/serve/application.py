"""The application as `quartapp serve` runs it."""

from __future__ import annotations

import logging

from quart import Quart

from quartapp.app import create_app
from quartapp.serve.errors import ServeError
from quartapp.settings import Settings
from quartapp.web import housekeeping


def application(settings: Settings, *, lesson: str | None, debug: bool) -> Quart:
    """The application, or one lesson of it; debug pages only where they were asked for.

    Raises ServeError if it cannot be made, for want of a folder that it may write to, say.
    """
    try:
        app = create_app(settings, lesson=lesson, migrate=False)
    except OSError as error:
        raise ServeError(f"{error.filename}: {error.strerror}") from None
    housekeeping.install(app)
    # Said either way, because Quart also reads it from the environment.
    app.debug = debug
    if not debug:
        _one_line_for_a_start_that_fails(app)
    return app


def _one_line_for_a_start_that_fails(app: Quart) -> None:
    """Keep Quart from logging a traceback: the command ends with the reason."""

    def without_traceback(record: logging.LogRecord) -> bool:
        return record.exc_info is None

    async def first() -> None:
        app.logger.addFilter(without_traceback)

    async def last() -> None:
        app.logger.removeFilter(without_traceback)

    app.before_serving_funcs = [first, *app.before_serving_funcs, last]
