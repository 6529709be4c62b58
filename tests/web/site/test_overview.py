"""The overview: numbers, charts, and who changed what."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from quart import Quart

from quartapp.audit import service as audit
from quartapp.audit.models import AuditEntry
from quartapp.audit.service import Actor
from quartapp.core.clock import now
from quartapp.db import counting
from quartapp.db.counting import Count
from quartapp.db.database import Database
from quartapp.houses import service as houses
from quartapp.testing import MakeUser, User, sign_in
from quartapp.web.texts import read

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

WEI = Actor(7, "wei")


async def plain(client: TestClientProtocol, path: str = "/overview", **headers: str) -> str:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200
    text = re.sub(r"<[^>]+>", " ", await answer.get_data(as_text=True))
    return " ".join(text.split())


async def note(
    database: Database, action: str, subject: str = "1", *, count: int = 1, days_ago: int = 0
) -> None:
    async with database.writing() as db:
        at = now() - timedelta(days=days_ago)
        db.add(
            AuditEntry(
                at=at,
                actor_id=7,
                actor="wei",
                action=action,
                subject=subject,
                count=count,
                detail="{}",
            )
        )


async def test_who_is_not_signed_in_is_led_to_the_form(app: Quart) -> None:
    answer = await app.test_client().get("/overview")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/login?next=/overview"


async def test_it_counts_houses_files_and_people_signed_in(
    app: Quart, browser: TestClientProtocol, make_user: MakeUser, database: Database
) -> None:
    await sign_in(app, await make_user())
    async with database.writing() as db:
        for id in ("a", "b"):
            await houses.create(
                db, id=id, project_no=None, project_name="x", project_address=None, by=WEI
            )
    assert "2 houses 0 files 2 people signed in" in await plain(browser)


async def test_a_chart_has_fourteen_days_and_no_more(
    browser: TestClientProtocol, database: Database
) -> None:
    await note(database, "house.imported", "", count=1200)
    await note(database, "house.created", days_ago=13)
    await note(database, "house.created", days_ago=14)
    await note(database, "file.added", days_ago=3)
    page = await (await browser.get("/overview")).get_data(as_text=True)
    assert page.count('<th scope="row">') == page.count('<rect class="bar-of-day') == 3 * 14
    text = await plain(browser)
    assert "Houses added 1,201 in 14 days" in text
    assert "Files added 1 in 14 days" in text
    assert "Sign-ins 1 in 14 days" in text


async def test_days_are_counted_in_utc_and_those_without_are_left_out(database: Database) -> None:
    await note(database, "file.added", count=2)
    await note(database, "file.added")
    await note(database, "house.created", days_ago=1)
    today = now().date()
    async with database.reading() as db:
        since = now() - timedelta(days=5)
        files = await audit.counts_by_day(db, actions=["file.added"], since=since)
        both = await audit.counts_by_day(db, actions=["file.added", "house.created"], since=since)
    assert files == {today: Count(3)}
    assert both == {today: Count(3), today - timedelta(days=1): Count(1)}
    assert all(type(day) is date for day in both)


@pytest.mark.parametrize(
    ("action", "subject", "count", "told"),
    [
        ("house.created", "P/1", 1, "wei added the house P/1"),
        ("house.changed", "P/1", 1, "wei changed the house P/1"),
        ("house.deleted", "<b>", 1, "wei deleted the house &lt;b&gt;"),
        ("house.imported", "", 1, "wei imported 1 house"),
        ("house.imported", "", 1250, "wei imported 1,250 houses"),
        ("file.added", "1", 1, "wei added a file to the house 1"),
        ("file.removed", "1", 3, "wei deleted 3 files of the house 1"),
        ("account.created", "3:li", 1, "wei created the account li"),
        ("account.disabled", "3:li", 1, "wei disabled the account li"),
        ("account.enabled", "3:li", 1, "wei enabled the account li"),
        ("account.admin", "3:li", 1, "wei changed the role of li"),
        ("account.password", "3:li", 1, "wei set the password of li"),
        ("house.something", "1", 1, "wei changed 1"),
    ],
)
async def test_a_change_is_told_in_a_sentence(
    action: str,
    subject: str,
    count: int,
    told: str,
    app: Quart,
    make_user: MakeUser,
    database: Database,
) -> None:
    admin = await sign_in(app, await make_user(admin=True))
    await note(database, action, subject, count=count)
    assert told in (await plain(admin)).replace(" .", ".")


async def test_a_house_is_linked_while_it_is_there(
    browser: TestClientProtocol, database: Database
) -> None:
    await note(database, "house.created", "gone")
    await note(database, "house.deleted", "gone")
    await note(database, "house.changed", "a/b ~?")
    text = await (await browser.get("/overview")).get_data(as_text=True)
    assert 'href="/house/a~1b%20~0%3F"' in text
    assert 'href="/house/gone"' not in text


async def test_changes_of_accounts_are_for_admins(
    browser: TestClientProtocol, database: Database
) -> None:
    await note(database, "account.disabled", "3:li")
    assert "li" not in (await plain(browser)).partition("Latest changes")[2].split()


async def test_a_program_is_named_in_the_language_of_the_page(
    browser: TestClientProtocol, database: Database
) -> None:
    async with database.writing() as db:
        audit.record(db, by=Actor(None, "lesson"), action="house.created", subject="9")
    assert "A lesson added the house 9" in await plain(browser)
    chinese = str(read("zh_Hans")["A lesson"].string)
    assert chinese in await plain(browser, **{"Accept-Language": "zh"})


async def test_where_nothing_was_changed_it_says_so(app: Quart, user: User) -> None:
    assert "Nothing has been changed yet." in await plain(await sign_in(app, user))


async def test_nobody_counts_further_than_anybody_reads(
    app: Quart, user: User, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNTED", 3)
    for number in range(4):
        await note(database, "house.imported", str(number), count=5)
        await note(database, "file.added", str(number), days_ago=number // 2)
    await note(database, "house.imported", count=7, days_ago=20)
    async with database.writing() as db:
        for id in "abcd":
            await houses.create(
                db, id=id, project_no=None, project_name=None, project_address=None, by=WEI
            )
    clients = [await sign_in(app, user) for _ in range(3)]
    text = await plain(clients[0])

    assert "3+ houses 0 files 1+ person signed in" in text
    assert re.search(r"Houses added \d+\+ in 14 days", text)
    assert "Sign-ins 3+ in 14 days" in text
    assert "Files added 4 in 14 days" in text


async def test_the_latest_of_some_things_are_looked_for_among_the_recent(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "RECENT", 4)
    for action in ("house.created", "house.changed", *["account.disabled"] * 3):
        await note(database, action, action)

    async with database.reading() as db:
        found = await audit.latest(db, limit=9, of=("house", "file"))
        everything = await audit.latest(db, limit=9)

    assert [entry.action for entry in found] == ["house.changed"]
    assert len(everything) == 5
