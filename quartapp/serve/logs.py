"""The log of a serving process, and of the one that watches over several."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hypercorn.config import Config

from quartapp.serve.errors import ServeError
from quartapp.settings import Settings
from quartapp.telemetry import logs

_HYPERCORN = "hypercorn.error"
_log = logging.getLogger("quartapp.serve")


def set_up(settings: Settings, config: Config) -> None:
    """Let this process and its server write one log, as the settings have it.

    What hypercorn.toml sends to a file goes there, in hypercorn's own form.
    """
    logs.set_up(production=settings.production, level=settings.log_level)
    if config.errorlog == "-":
        logger = logging.getLogger(_HYPERCORN)
        logger.setLevel(config.loglevel.upper())
        config.errorlog = logger


@contextmanager
def reason_in_the_log(settings: Settings) -> Iterator[None]:
    """In production end with the reason as a line of the log; people are told by the command."""
    try:
        yield
    except ServeError as error:
        if not settings.production:
            raise
        _log.critical("%s", error)
        sys.exit(error.status)
