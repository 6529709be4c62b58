"""Each lesson answers as the tutorial's own program on Flask does, edges included.

A table of requests is played on the program and on the lesson, at the root as
`--lesson` mounts it and below `/lessons/<section>`; every difference that a client
could notice is a failure, but for the known faults, where the table says what the
lesson answers instead.
"""

import asyncio
import gc
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from quart import Quart
from sqlalchemy import delete, insert, text

from quartapp.accounts.models import Account
from quartapp.houses.models import House
from quartapp.testing import temporary_app
from quartapp.web.db import app_database
from quartapp.web.login import app_passwords
from tests.lessons.originals import ORIGINALS, Config
from tests.lessons.originals.compare import Comparison, broken_contract
from tests.lessons.originals.memory import Memory
from tests.lessons.originals.play import Answer, Request, play, play_on_flask, to_asgi
from tests.lessons.originals.requests import TABLE
from tests.lessons.originals.scenario import Scenario

JWT_KEY = "a token key of the comparison, which is long enough"
ON_TABLES = {"houses-list", "houses-page", "login-db", "jwt", "jwt-refresh", "restful"}

WITH_FILES = {"login-form", "request-form", "upload"}

CASES = [(section, scenario) for section, table in TABLE.items() for scenario in table]


def case_id(section: str, scenario: Scenario) -> str:
    """Return the name of a case, by which it can be run alone."""
    return f"{section}-{scenario.name.replace(' ', '_')}"


Played = tuple[list[Answer], dict[str, bytes]]


class Originals:
    """The programs on Flask; each scenario is played once, however often it is asked for."""

    def __init__(self) -> None:
        self._played: dict[tuple[str, int], Played] = {}

    async def play(self, section: str, scenario: Scenario) -> Played:
        """Return the answers, and the files that were uploaded."""
        key = section, id(scenario)
        if key not in self._played:
            # Flask blocks, so it gets a thread.
            self._played[key] = await asyncio.to_thread(_play_original, section, scenario)
        return self._played[key]


def _play_original(section: str, scenario: Scenario) -> Played:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = ORIGINALS[section](Config(folder, jwt_secret_key=JWT_KEY))
        if section in ON_TABLES:
            _fill_original(app, scenario)
        with warnings.catch_warnings():
            # Werkzeug leaves the file of a broken-off upload to the garbage collector.
            warnings.simplefilter("ignore", ResourceWarning)
            answers = play_on_flask(app, scenario, Memory(mount="", jwt_key=JWT_KEY))
            if section in WITH_FILES:
                gc.collect()
        return answers, files_in(folder / "upload")


def _fill_original(app: Any, scenario: Scenario) -> None:
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        for house in scenario.houses:
            values = dict(zip("abcd", house, strict=True))
            connection.execute(text("INSERT INTO base_house VALUES (:a, :b, :c, :d)"), values)
        for name, password in scenario.admins:
            connection.execute(
                text("INSERT INTO t_admin (username, userpwd) VALUES (:name, :password)"),
                {"name": name, "password": password},
            )


@dataclass
class Lessons:
    """An application of ours: with one lesson at the root, or with all below /lessons."""

    app: Quart
    alone: bool
    hashes: dict[str, str]

    def mount(self, section: str) -> str:
        """Return where a lesson is mounted."""
        return "" if self.alone else f"/lessons/{section}"

    async def play(self, section: str, scenario: Scenario) -> Played:
        """Return the answers, and the files that were uploaded."""
        folder = Path(self.app.config["UPLOAD_FOLDER"])
        if section == "upload":
            empty(folder)
        if section in ON_TABLES:
            await self._fill(scenario)

        async def send(request: Request) -> Answer:
            return await to_asgi(self.app, request)

        memory = Memory(mount=self.mount(section), jwt_key=JWT_KEY)
        answers = await play(scenario, memory, send)
        return answers, files_in(folder) if section == "upload" else {}

    async def _fill(self, scenario: Scenario) -> None:
        admins = [
            {"username": name, "userpwd": await self._hash(password)}
            for name, password in scenario.admins
        ]
        columns = ("id", "project_no", "project_name", "project_address")
        houses = [dict(zip(columns, house, strict=True)) for house in scenario.houses]
        async with app_database(self.app).writing() as db:
            await db.execute(delete(House))
            await db.execute(delete(Account))
            if houses:
                await db.execute(insert(House), houses)
            if admins:
                await db.execute(insert(Account), admins)

    async def _hash(self, password: str) -> str:
        if password not in self.hashes:
            self.hashes[password] = await app_passwords(self.app).hash(password)
        return self.hashes[password]


def empty(folder: Path) -> None:
    """Take every file out of a folder."""
    for path in folder.iterdir():
        path.unlink()


def files_in(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.is_dir() else {}


@pytest.fixture(scope="module")
def originals() -> Originals:
    """Return the programs on Flask."""
    return Originals()


@pytest.fixture(scope="module")
def hashes() -> dict[str, str]:
    """Return the hashes of passwords that were needed so far: one run of Argon2 each."""
    return {}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lessons(request: pytest.FixtureRequest, hashes: dict[str, str]) -> AsyncIterator[Lessons]:
    """Return the application with the lesson that the parameter names, or with all for None."""
    async with temporary_app(lesson=request.param, jwt_secret_key=JWT_KEY) as app:
        yield Lessons(app, request.param is not None, hashes)


@pytest.mark.parametrize(
    ("lessons", "section", "scenario"),
    [
        # In this order, and scope, an application is made once for all of its scenarios.
        pytest.param(
            section if name == "alone" else None,
            section,
            scenario,
            id=f"{case_id(section, scenario)}-{name}",
        )
        for name in ("alone", "among_the_others")
        for section, scenario in CASES
    ],
    indirect=["lessons"],
    scope="module",
)
async def test_a_lesson_answers_as_the_program_on_flask(
    lessons: Lessons, section: str, scenario: Scenario, originals: Originals
) -> None:
    theirs, their_files = await originals.play(section, scenario)

    ours, our_files = await lessons.play(section, scenario)

    found = Comparison(section, lessons.mount(section)).differences(scenario, theirs, ours)
    if any(step.instead for step in scenario.steps):
        stored = sum(answer.status == 200 for answer in ours) if section == "upload" else 0
        assert len(our_files) <= stored, "a refused upload left something behind"
    elif our_files != their_files:
        found.append(f"the files are {sorted(our_files)} instead of {sorted(their_files)}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("section", "scenario"),
    [pytest.param(section, scenario, id=case_id(section, scenario)) for section, scenario in CASES],
)
async def test_the_program_on_flask_is_what_the_table_says_of_it(
    section: str, scenario: Scenario, originals: Originals
) -> None:
    answers, _ = await originals.play(section, scenario)

    found = [
        f"step {number}, {step.method} {answer.request.target[:80]}: {difference}"
        for number, (step, answer) in enumerate(zip(scenario.steps, answers, strict=True), 1)
        for difference in broken_contract(step, answer)
    ]
    assert not found, "\n".join(found)


def test_the_table_has_scenarios_for_every_section() -> None:
    assert set(TABLE) == set(ORIGINALS)
    for section, scenarios in TABLE.items():
        names = [scenario.name for scenario in scenarios]
        assert len(names) == len(set(names)), f"{section} has two scenarios of one name"


def _without(name: str, answer: Answer) -> Answer:
    kept = tuple(pair for pair in answer.headers if pair[0].lower() != name.lower())
    return replace(answer, headers=kept)


def _with(old: bytes, new: bytes, answer: Answer) -> Answer:
    headers = tuple(
        (key, value.replace(old.decode(), new.decode())) for key, value in answer.headers
    )
    return replace(answer, headers=headers, body=answer.body.replace(old, new))


@pytest.mark.parametrize(
    ("section", "story", "number", "change"),
    [
        ("hello", "the greeting", 0, partial(_with, b"Flask", b"Quart")),
        ("hello", "every method on /flask", 1, partial(_without, "Content-Length")),
        ("hello", "every method on /flask", 2, partial(_with, b"HEAD", b"TRACE")),
        ("session", "in and out again", 0, partial(_with, b"HttpOnly; ", b"")),
        ("session", "in and out again", 0, partial(_with, b"Path=/", b"Path=/other")),
        ("session", "in and out again", 0, partial(_without, "Location")),
        ("session", "in and out again", 1, partial(_without, "Vary")),
        ("session", "in and out again", 1, partial(_with, b"/logout", b"/login")),
        ("session", "in and out again", 6, partial(_without, "Set-Cookie")),
        ("session", "the form", 0, partial(_with, b'type="password"', b'type="text"')),
        ("session", "the form", 0, partial(_with, b'action=""', b'action="/"')),
        ("houses-list", "every house", 0, partial(_with, b"h007", b"h070")),
        ("static-files", "pieces of the script", 2, partial(_with, b"0-9", b"0-8")),
        ("request-form", "the marks of a student", 0, partial(_with, b"<td>90", b"<td>91")),
        ("jwt", "no token", 0, partial(_with, b"Missing", b"No")),
    ],
)
async def test_the_comparison_notices_what_a_client_would_notice(
    section: str,
    story: str,
    number: int,
    change: Callable[[Answer], Answer],
    originals: Originals,
) -> None:
    (scenario,) = (one for one in TABLE[section] if one.name == story)
    theirs, _ = await originals.play(section, scenario)
    changed = [*theirs[:number], change(theirs[number]), *theirs[number + 1 :]]

    assert not Comparison(section, "").differences(scenario, theirs, theirs)
    assert Comparison(section, "").differences(scenario, theirs, changed)
