"""Where the lines of the log go, and how they look: JSON in production, readable in development.

Called by `quartapp serve`, in each of its processes. An application never does it by itself:
another server, or a program that is built on this one, has logs of its own.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TextIO

from quartapp.telemetry.event import Event, request_id

if TYPE_CHECKING:
    from sys import UnraisableHookArgs
    from threading import ExceptHookArgs

LONGEST: Final = 1000  # characters of a value; more is cut
LONGEST_ERROR: Final = 12_000  # characters of a traceback, most of them from its end

_HEAD = 2000  # characters of a long traceback's begin
_OWN = "quartapp"  # the loggers whose level can be chosen
_SERVER = "quartapp.serve"  # what the server says of itself, at every level
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROLS_IN_LINES = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")

# What others put into their messages and exceptions: a token, a hash, a header, an address.
_SECRETS: Final = (
    (re.compile(r"eyJ[\w-]{4,}\.[\w-]+(\.[\w-]*)?"), "[token]"),
    (re.compile(r"\$argon2\w*\$[^\s'\"]+"), "[hash]"),
    (re.compile(r"(?i)\b(bearer|basic|dpop) +[\w.~+/=-]{6,}"), r"\1 [token]"),
    (re.compile(r"(://[^/\s:@'\"]*):[^/\s@'\"]+@"), r"\1:***@"),
)

_dumps = json.JSONEncoder(default=str).encode


def set_up(*, production: bool, level: str = "info", stream: TextIO | None = None) -> None:
    """Let every line of this process go to `stream`, by default stderr.

    In production each is one JSON object; uncaught exceptions and warnings too. `level` is the
    least that the application itself tells ("debug" to "error"), of libraries it is warnings.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if production else ReadableLines(handler.stream))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OWN).setLevel(level.upper())
    logging.getLogger(_SERVER).setLevel(logging.INFO)
    logging.captureWarnings(True)
    if production:
        _catch_the_uncaught()


class JsonLines(logging.Formatter):
    """One JSON object a line, in ASCII: nothing that is written into it can end the line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        return _dumps(fields_of(record)).replace("\x7f", "\\u007f")


class ReadableLines(logging.Formatter):
    """Lines for people at a terminal, in colour if it is one."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._colours = stream.isatty()

    @cached_property
    def _render(self) -> Callable[..., object]:
        # Loaded with the first line: it takes longer than the rest of a worker's start.
        from structlog.dev import ConsoleRenderer

        return ConsoleRenderer(
            colors=self._colours, pad_event_to=0, sort_keys=False, timestamp_key="time"
        )

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        fields = {
            key: _printable(key, value) if isinstance(value, str) else value
            for key, value in fields_of(record).items()
            if value != "" and key != "pid"
        }
        return str(self._render(None, "", fields))


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """All that is written of a record, by name, in the order of the line."""
    message = record.msg
    fields: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": message.name if isinstance(message, Event) else without_secrets(_text(record)),
    }
    if name := request_id.get():
        fields["request_id"] = name
    if isinstance(message, Event):
        for key, value in message.fields.items():
            long = isinstance(value, str) and len(value) > LONGEST
            fields[key] = _cut(str(value)) if long else value
    if record.exc_info and record.exc_info[1] is not None:
        fields["error"] = type(record.exc_info[1]).__qualname__
        fields["exception"] = _exception(record.exc_info[1])
    if record.stack_info:
        fields["stack"] = without_secrets(record.stack_info[-LONGEST_ERROR:])
    fields["pid"] = record.process
    return fields


def without_secrets(text: str) -> str:
    """A text that somebody else wrote, without what looks like a token, a hash or a password."""
    for secret, instead in _SECRETS:
        text = secret.sub(instead, text)
    return text


def _text(record: logging.LogRecord) -> str:
    try:
        return _cut(record.getMessage())
    except Exception as error:  # a line is never lost for the way it was asked for
        return _cut(f"{record.msg!r} ({type(error).__name__})")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"


def _exception(error: BaseException) -> str:
    """The traceback, with causes; the lines of code, and no values of variables."""
    told = traceback.TracebackException.from_exception(error, capture_locals=False)
    text = without_secrets("".join(told.format()).rstrip("\n"))
    if len(text) <= LONGEST_ERROR:
        return text
    return f"{text[:_HEAD]}\n... ({len(text)} characters)\n{text[_HEAD - LONGEST_ERROR :]}"


def _printable(key: str, text: str) -> str:
    controls = _CONTROLS_IN_LINES if key in {"exception", "stack"} else _CONTROLS
    return controls.sub(lambda found: ascii(found[0])[1:-1], text)


def _catch_the_uncaught() -> None:
    """Let what nobody caught, in whatever thread, be a line as all others."""
    log = logging.getLogger(_SERVER)

    def uncaught(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.critical("uncaught exception", exc_info=(kind, error, trace))

    def in_a_thread(args: ExceptHookArgs) -> None:
        if args.exc_value is not None:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    def unraisable(args: UnraisableHookArgs) -> None:
        if args.exc_value is not None:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = uncaught
    threading.excepthook = in_a_thread
    sys.unraisablehook = unraisable
