"""The log of a serving process, and of the one that watches over several."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from hypercorn.config import Config

from quartapp.serve.errors import REFUSED, ServeError
from quartapp.settings import Settings, SettingsError, is_production
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
def reason_in_the_log() -> Iterator[None]:
    """In production end with the reason as a line of the log, or with one for each bad setting.

    Also before `set_up`. In development whoever asks is told by the command.
    """
    try:
        yield
    except (ServeError, SettingsError, click.UsageError) as error:
        if not is_production():
            raise
        if not _log.hasHandlers():
            logs.set_up(production=True)
        for reason in _reasons(error):
            _log.critical("%s", reason)
        sys.exit(error.status if isinstance(error, ServeError) else REFUSED)


def _reasons(error: ServeError | SettingsError | click.UsageError) -> list[str]:
    if isinstance(error, SettingsError):
        return error.problems
    return [error.format_message() if isinstance(error, click.UsageError) else str(error)]
