"""No line of the log holds a secret: asked of all lines that the whole suite makes.

The lines of the application are listened to at every level, those of libraries as they are set.
Every password that was hashed or compared anywhere is remembered, so that a mistyped one, too, is
found. The suite runs in several processes; the one that started them puts all together.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from quartapp.accounts.passwords import Passwords
from quartapp.telemetry.event import Event

GENERATED = "test_schemathesis.py"  # makes up its passwords and its paths from the same texts
LEAST = 8  # characters of a password that is nothing else by chance

SHAPES = {
    "a token": re.compile(r"eyJ[\w-]{8,}\.[\w-]+"),
    "a password's hash": re.compile(r"\$argon2"),
    "a signed cookie": re.compile(
        r"[\w-]{4,}\.[\w-]{6}\.(?=[\w-]*[A-Z])(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{27,}"
    ),
    "a header": re.compile(r"(?i)\b(authorization|set-cookie|cookie)\b['\"]?\s*[:=]"),
    "a bearer": re.compile(r"\b(Bearer|DPoP) [\w.~+/-]{16,}"),
    "the password of all tests": re.compile(r"(?<![\w.])123456(?!\w)"),
}

_KEY = "secrets_logged"
_passwords: set[str] = set()


class Listener(logging.Handler):
    """Hears every line, and remembers which test made one that tells too much."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one line."""
        text = "\n".join(texts_of(record))
        if what := secret_in(text):
            test = os.environ.get("PYTEST_CURRENT_TEST", "outside of tests")
            self.found.append(f"{test}: {what} in a line of {record.name}")


class Logged:
    """The plugin that listens, and fails the run for what it heard."""

    def __init__(self, config: pytest.Config) -> None:
        self.output: dict[str, Any] | None = getattr(config, "workeroutput", None)
        self.listener = Listener()
        self.patch = pytest.MonkeyPatch()

    def pytest_sessionstart(self) -> None:
        """Begin to listen."""
        logging.getLogger().addHandler(self.listener)
        logging.getLogger("quartapp").setLevel(logging.DEBUG)
        for name in ("hash", "verify"):
            self.patch.setattr(Passwords, name, _remembering(getattr(Passwords, name)))

    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what one process has heard."""
        self.listener.found += getattr(node, "workeroutput", {}).get(_KEY, ())

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand on what was heard; at the end of all, fail for it."""
        self.patch.undo()
        logging.getLogger().removeHandler(self.listener)
        if self.output is not None:
            self.output[_KEY] = self.listener.found
        elif self.listener.found and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the tests."""
        for line in sorted(set(self.listener.found)):
            terminalreporter.write_line(f"A secret was logged by {line}", red=True)


def texts_of(record: logging.LogRecord) -> Iterator[str]:
    """All that is written of a record, before anything is taken out of it."""
    yield record.getMessage()
    if isinstance(record.msg, Event):
        yield from map(str, record.msg.fields.values())
    error = record.exc_info[1] if record.exc_info else None
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield str(error)
        error = error.__cause__ or error.__context__


def secret_in(text: str) -> str:
    """What kind of secret a text holds; "" if none."""
    for name, shape in SHAPES.items():
        if shape.search(text):
            return name
    return "a password" if any(password in text for password in _passwords) else ""


def remember(password: str) -> None:
    """Let this be known as a password, unless it is a word that anything may hold."""
    made_up = GENERATED in os.environ.get("PYTEST_CURRENT_TEST", "")
    if len(password) >= LEAST and not password.isalpha() and not made_up:
        _passwords.add(password[:100])


def _remembering(method: Any) -> Any:
    """A method of Passwords, all of whose texts but hashes are passwords."""

    async def remembering(self: Passwords, *values: str, **options: Any) -> Any:
        remember(values[-1] if values else options["password"])
        return await method(self, *values, **options)

    return remembering
