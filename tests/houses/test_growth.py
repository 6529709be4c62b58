"""What a large table costs: the rows that are gone through, not the time it takes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import insert, literal, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from quartapp.accounts import service as accounts
from quartapp.accounts.models import LoginSession
from quartapp.audit import service as audit
from quartapp.audit.models import AuditEntry
from quartapp.core.clock import now
from quartapp.db import counting
from quartapp.db.database import Database
from quartapp.houses import search
from quartapp.houses import service as houses
from quartapp.houses.models import House
from quartapp.houses.search import Search
from quartapp.houses.service import COLUMNS

SIDE = 145  # the table has SIDE * SIDE rows more: 21,025
COUNTED = 150
READ = "SELECT SUM(variable_value) FROM information_schema.session_status"
READ += " WHERE variable_name LIKE 'Handler_read%' OR variable_name LIKE 'Handler_tmp%'"

Ask = Callable[[AsyncSession], Awaitable[object]]


@pytest.fixture(autouse=True)
def _little_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "COUNTED", COUNTED)
    monkeypatch.setattr(counting, "COUNTED", COUNTED)
    monkeypatch.setattr(audit, "RECENT", COUNTED)


@pytest_asyncio.fixture
async def large(database: Database) -> AsyncIterator[Database]:
    """A database with many houses, in groups of one name, and as many changes and sign-ins."""
    one, other = aliased(House), aliased(House)
    columns = ["id", "project_no", "project_name"]
    each = select(one.id + other.id, other.id + one.id, literal("n") + one.id)
    made = each.join_from(one, other, true())
    at = now() - timedelta(seconds=1)
    later = at + timedelta(days=1)
    change = {"at": at, "actor": "ann", "action": "house.created", "count": 1, "detail": "{}"}
    stay = {"created_at": at, "last_used_at": at, "idle_expires_at": later, "expires_at": later}
    async with database.writing() as db:
        await db.execute(insert(House), [{"id": f"h{n:03}"} for n in range(SIDE)])
        await db.execute(insert(House).from_select(columns, made))
        for table, key, values in (
            (AuditEntry, "subject", change),
            (LoginSession, "id", {**stay, "subject": "1:ann", "digest": ""}),
        ):
            rows = select(House.id, *(literal(value) for value in values.values()))
            await db.execute(insert(table).from_select([key, *values], rows))
    if database.url.get_backend_name() == "mysql":
        async with database.reading() as db:
            await db.execute(text("ANALYZE TABLE base_house, audit_entry, login_session"))
    yield database


async def gone_through(database: Database, ask: Ask) -> int:
    """How many rows MySQL reads for an answer; of SQLite's steps, of which a row takes several."""
    async with database.reading() as db:
        if database.url.get_backend_name() == "mysql":
            # Twice, for asking costs some itself.
            counts = [int(await db.scalar(text(READ)) or 0) for _ in range(2)]
            await ask(db)
            counts.append(int(await db.scalar(text(READ)) or 0))
            return counts[2] - counts[1] - (counts[1] - counts[0])
        driver: Any = (await (await db.connection()).get_raw_connection()).driver_connection
        steps: list[None] = []
        await driver.set_progress_handler(lambda: steps.append(None), 100)
        try:
            await ask(db)
        finally:
            await driver.set_progress_handler(None, 0)
        return len(steps) * 100


SEARCHES = {
    "name": Search(name="nh007"),
    "exact": Search("nh007", match="exact", sort="project_no"),
    "prefix": Search("nh007", match="prefix"),
    "few by prefix": Search("h007h00", match="prefix", sort="project_no", descending=True),
    "nobody's": Search("nobody's", match="prefix"),
}


async def steps_in_the_middle(database: Database) -> dict[str, Ask]:
    """The ways on from the middle of the list, in every order."""
    asked: dict[str, Ask] = {}
    for sort in COLUMNS:
        for descending in (False, True):
            chosen = Search(sort=sort, descending=descending)
            async with database.reading() as db:
                middle = await search.page(db, chosen, number=SIDE * SIDE // 40, size=20)
            cursor = search.cursor_of(chosen, middle.items[0])
            for step in (search.after, search.before):
                asked[f"{step.__name__} by {chosen.order}"] = partial(
                    step, search=chosen, cursor=cursor, size=20
                )
    return asked


async def test_no_everyday_question_goes_through_a_large_table(large: Database) -> None:
    since = now() - timedelta(days=13)
    asked: dict[str, Ask] = await steps_in_the_middle(large)
    for sort in COLUMNS:
        asked[f"the first page by {sort}"] = partial(
            search.page, search=Search(sort=sort), number=1, size=20
        )
    for name, chosen in SEARCHES.items():
        asked[name] = partial(search.page, search=chosen, number=1, size=20)
    asked |= {
        "how many houses": houses.total,
        "people signed in": accounts.signed_in,
        "sign-ins by day": partial(accounts.sign_ins_by_day, since=since),
        "changes by day": partial(
            audit.counts_by_day, actions=["house.created", "house.imported"], since=since
        ),
        "latest changes": partial(audit.latest, limit=12, of=("file", "account")),
        "changes of a house": partial(audit.history, action="house", subject="h007", limit=20),
    }
    everything = partial(search.page, search=Search("nobody's"), number=1, size=20)
    whole = await gone_through(large, everything)
    costs = {name: await gone_through(large, ask) for name, ask in asked.items()}

    assert whole > SIDE * SIDE
    assert {name: cost for name, cost in costs.items() if cost > whole / 4} == {}
