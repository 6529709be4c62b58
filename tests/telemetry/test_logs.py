"""What a line of the log looks like, and what never stands in one."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from quartapp.telemetry.event import Event, request_id
from quartapp.telemetry.logs import LONGEST, LONGEST_ERROR, JsonLines, set_up
from tests.logged import secret_in

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
HASH = "$argon2id$v=19$m=1024,t=1,p=1$c2FsdA$aGFzaA"
# Not below the application's own: nobody who listens to those hears these lines.
ELSEWHERE = "elsewhere"


class Log:
    """What was written, line by line."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def lines(self) -> list[str]:
        """The lines, without their ends."""
        text = self.stream.getvalue()
        assert text.endswith("\n")
        return text[:-1].split("\n")

    def objects(self) -> list[dict[str, Any]]:
        """The lines as JSON."""
        return [json.loads(line) for line in self.lines()]


@pytest.fixture
def log() -> Iterator[Log]:
    """A log to set up, and everything as it was at the end."""
    root, own = logging.getLogger(), logging.getLogger("quartapp")
    before = list(root.handlers), root.level, own.level
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield Log()
    root.handlers[:], root.level = before[0], before[1]
    own.setLevel(before[2])
    root.setLevel(before[1])
    logging.captureWarnings(False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


@pytest.fixture
def production(log: Log) -> Log:
    """The log of a server in production."""
    set_up(production=True, stream=log.stream)
    return log


HOSTILE = {
    "a line end": "first\nsecond\r\nthird",
    "an escape": "\x1b[2J\x9b2J\x07",
    "a line of another alphabet": "one\u2028two\u2029three\x85four",
    "delete and NUL": "\x7f\0",
    "a surrogate": "\udc80 \U0001f600",
    "a quote": '"}\n{"level": "info"',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_nothing_that_is_logged_can_end_its_line(log: Log, text: str) -> None:
    set_up(production=True, stream=log.stream)  # not before: the runner could not keep all of it
    logging.getLogger(ELSEWHERE).warning("said: %s", text)
    logging.getLogger(ELSEWHERE).warning(Event("said", {"path": text}))

    first, second = log.lines()
    assert (first + second).isascii()
    assert (first + second).isprintable()
    assert (json.loads(first)["event"], json.loads(second)["path"]) == (f"said: {text}", text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_in_development_neither(log: Log, text: str) -> None:
    set_up(production=False, stream=log.stream)
    logging.getLogger(ELSEWHERE).warning(Event("said", {"path": text}))

    assert len(log.lines()) == 1
    assert not set(log.lines()[0]) & set("\x1b\x9b\x07\u2028\u2029\x85\x7f\0")


def test_a_line_says_when_and_who_and_for_which_request(production: Log) -> None:
    token = request_id.set("some-request")
    try:
        logging.getLogger(ELSEWHERE).warning(Event("request", {"status": 200, "user": "7"}))
    finally:
        request_id.reset(token)
    logging.getLogger(ELSEWHERE).warning("later")

    line, later = production.objects()
    said = {name: line[name] for name in ("level", "logger", "event", "request_id", "status")}
    assert said == {
        "level": "warning",
        "logger": ELSEWHERE,
        "event": "request",
        "request_id": "some-request",
        "status": 200,
    }
    at = datetime.fromisoformat(line["time"])
    assert at.utcoffset() == UTC.utcoffset(None)
    assert "request_id" not in later


def test_the_application_is_heard_from_its_level_on_and_libraries_when_they_warn(log: Log) -> None:
    set_up(production=True, level="warning", stream=log.stream)
    for name in ("quartapp.requests", "a.library", "aiosqlite", "quartapp.serve"):
        logging.getLogger(name).info("an info")
        logging.getLogger(name).warning("a warning")
    set_up(production=True, level="debug", stream=log.stream)
    for name in ("quartapp.requests", "aiosqlite"):
        logging.getLogger(name).debug("a debug")

    assert [(line["logger"], line["event"]) for line in log.objects()] == [
        ("quartapp.requests", "a warning"),
        ("a.library", "a warning"),
        ("aiosqlite", "a warning"),
        ("quartapp.serve", "an info"),
        ("quartapp.serve", "a warning"),
        ("quartapp.requests", "a debug"),
    ]


def test_an_exception_is_told_with_its_cause_and_without_values_or_secrets(
    production: Log,
) -> None:
    def work(hidden: str) -> None:
        try:
            raise KeyError(f"Authorization: Bearer {TOKEN}")
        except KeyError as error:
            raise RuntimeError(f"no good: {HASH}, mysql://me:{len(hidden)}pw@host/db") from error

    try:
        work("a value of a variable")
    except RuntimeError:
        logging.getLogger(ELSEWHERE).exception("failed with %s", TOKEN)

    (line,) = production.objects()
    assert line["error"] == "RuntimeError"
    assert "KeyError" in line["exception"]
    assert "mysql://me:***@host" in line["exception"]
    assert "in work" in line["exception"]
    assert "a value of" not in line["exception"].replace('work("a value of a variable")', "")
    assert not secret_in(line["exception"].replace("Authorization:", "") + line["event"])


def test_what_is_enormous_is_cut(production: Log) -> None:
    logging.getLogger(ELSEWHERE).warning("x" * 10**6)
    logging.getLogger(ELSEWHERE).warning(Event("y", {"path": "y" * 10**6}))
    try:
        raise ValueError("z" * 10**6)
    except ValueError:
        logging.getLogger(ELSEWHERE).exception("failed")

    sizes = [len(line) for line in production.lines()]
    assert max(sizes[:2]) < LONGEST + 300
    assert sizes[2] < LONGEST_ERROR + 600
    assert "1000000 characters" in production.objects()[0]["event"]


def test_a_line_that_was_asked_for_wrongly_is_written_nevertheless() -> None:
    asked = {"name": ELSEWHERE, "msg": "%s and %d", "args": ("one",)}
    line = json.loads(JsonLines().format(logging.makeLogRecord(asked)))
    assert line["event"] == "'%s and %d' (TypeError)"


def test_what_nobody_caught_is_a_line_as_well(production: Log) -> None:
    def fail() -> None:
        raise RuntimeError("in a thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("one\ntwo", stacklevel=1)
    try:
        raise RuntimeError("at the end")
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)

    thread_line, warning, end = production.objects()
    assert (thread_line["level"], thread_line["error"]) == ("critical", "RuntimeError")
    assert (warning["logger"], "one\ntwo" in warning["event"]) == ("py.warnings", True)
    assert "at the end" in end["exception"]


async def test_the_lines_of_two_requests_at_once_do_not_mix(production: Log) -> None:
    async def one(name: str) -> None:
        request_id.set(name)
        await asyncio.sleep(0)
        await asyncio.to_thread(logging.getLogger(ELSEWHERE).warning, "of %s", name)

    await asyncio.gather(*(asyncio.create_task(one(name)) for name in ("a", "b")))

    assert {(line["request_id"], line["event"]) for line in production.objects()} == {
        ("a", "of a"),
        ("b", "of b"),
    }


def test_elsewhere_an_event_is_a_line_for_people() -> None:
    assert str(Event("sign-out", {"user": 7, "way": "api"})) == "sign-out user=7 way='api'"
