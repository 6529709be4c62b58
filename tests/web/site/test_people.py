"""People: the accounts, which admins keep."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from quart import Quart
from sqlalchemy import select

from quartapp.accounts import service
from quartapp.accounts.models import Account, LoginSession
from quartapp.audit.models import AuditEntry
from quartapp.db import counting
from quartapp.db.database import Database
from quartapp.testing import BY, MakeUser, User, api_client_for, sign_in
from quartapp.web.site.people import PAGE

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

NEW = "a new and long one"
CHANGES = ["disable", "enable", "admin", "password", "sessions/end", "sessions/x/end"]


@pytest_asyncio.fixture
async def boss(make_user: MakeUser) -> User:
    """An admin."""
    return await make_user(username="boss", admin=True)


@pytest_asyncio.fixture
async def office(app: Quart, boss: User) -> TestClientProtocol:
    """The admin's browser."""
    return await sign_in(app, boss)


@pytest_asyncio.fixture
async def bob(make_user: MakeUser) -> User:
    """Somebody else."""
    return await make_user(username="bob")


async def text_of(client: TestClientProtocol, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200
    return str(await answer.get_data(as_text=True))


async def account(database: Database, id: int) -> Account:
    async with database.reading() as db:
        return await service.get(db, id=id)


async def latest(database: Database) -> tuple[str, str, str, str]:
    async with database.reading() as db:
        entry = (await db.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()))).first()
    assert entry is not None
    return entry.action, entry.actor, entry.subject, entry.detail


async def can_sign_in(app: Quart, username: str, password: str) -> bool:
    form = {"username": username, "password": password}
    return (await app.test_client().post("/login", form=form)).status_code == 303


async def test_only_admins_get_in(app: Quart, bob: User, boss: User) -> None:
    client = await sign_in(app, bob)
    for path in ("/people", f"/people/{boss.id}"):
        assert (await client.get(path)).status_code == 403
    for path in ("/people", *(f"/people/{boss.id}/{change}" for change in CHANGES)):
        assert (await client.post(path, form={"password": NEW})).status_code == 403
    assert (await app.test_client().get("/people")).headers["Location"] == "/login?next=/people"


async def test_everybody_is_listed_with_role_and_state(
    office: TestClientProtocol, bob: User, boss: User, database: Database
) -> None:
    async with database.writing() as db:
        await service.disable(db, id=bob.id, by=BY)

    listed = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", await text_of(office, "/people")))

    assert "bob Member Disabled boss Admin Can sign in" in listed


async def test_many_accounts_are_listed_a_page_at_a_time(
    office: TestClientProtocol, database: Database
) -> None:
    async with database.writing() as db:
        for number in range(2 * PAGE):
            db.add(Account(username=f"n{number:03}", userpwd="x"))

    def names(page: str) -> list[str]:
        return re.findall(r'<a href="/people/\d+">(\w+)</a>', page)

    first, second, third = [await text_of(office, f"/people?page={n}") for n in (1, 2, 3)]
    assert names(first) == ["boss", *(f"n{number:03}" for number in range(PAGE - 1))]
    assert names(first) + names(second) + names(third) == sorted(
        ["boss", *(f"n{number:03}" for number in range(2 * PAGE))]
    )
    assert 'href="/people?page=3" rel="next"' in second
    assert 'href="/people" rel="prev"' in second
    for odd in ("0", "-1", "x", "9" * 30):
        assert names(await text_of(office, f"/people?page={odd}")) == names(first)
    assert names(await text_of(office, "/people?page=999999999")) == []


async def test_more_accounts_than_are_counted_are_paged_to_the_end(
    office: TestClientProtocol, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNTED", PAGE)
    async with database.writing() as db:
        for number in range(PAGE + 1):
            db.add(Account(username=f"n{number:03}", userpwd="x"))

    first, second, third = [await text_of(office, f"/people?page={n}") for n in (1, 2, 3)]

    assert 'href="/people?page=2" rel="next"' in first
    assert f">n{PAGE:03}</a>" in second
    assert 'rel="next"' not in third


async def test_an_account_is_made(
    office: TestClientProtocol, app: Quart, database: Database
) -> None:
    form = {"username": "管理员 <b>", "password": NEW}
    answer = await office.post("/people", form=form)

    assert answer.status_code == 303
    page = await text_of(office, answer.headers["Location"])
    assert "<h1>管理员 &lt;b&gt;</h1>" in page
    assert "管理员 &lt;b&gt; can sign in now." in page
    assert await can_sign_in(app, "管理员 <b>", NEW)
    id = int(answer.headers["Location"].rpartition("/")[2])
    assert not (await account(database, id)).is_admin
    assert (await latest(database))[:3] == ("account.created", "boss", f"{id}:管理员 <b>")


async def test_an_admin_is_made(office: TestClientProtocol, app: Quart) -> None:
    form = {"username": "ann", "password": NEW, "is_admin": "1"}
    await office.post("/people", form=form)

    ann = await sign_in(app, User(0, "ann", NEW))
    assert (await ann.get("/people")).status_code == 200


@pytest.mark.parametrize(
    ("typed", "status", "fields"),
    [
        ({"username": "boss"}, 409, {"username"}),
        ({"username": ""}, 400, {"username"}),
        ({"username": " bob"}, 400, {"username"}),
        ({"username": "b\0b"}, 400, {"username"}),
        ({"username": "n" * 31}, 400, {"username"}),
        ({"password": "short"}, 400, {"password"}),
        ({"username": "\u202e", "password": ""}, 400, {"username", "password"}),
        ({"username": "somebody", "password": "somebody"}, 400, {"password"}),
    ],
)
async def test_what_cannot_be_taken_is_refused_at_its_field_and_kept(
    typed: dict[str, str], status: int, fields: set[str], office: TestClientProtocol
) -> None:
    form = {"username": "ann", "password": NEW, "is_admin": "1"} | typed

    answer = await office.post("/people", form=form)

    assert answer.status_code == status
    page = await answer.get_data(as_text=True)
    assert set(re.findall(r'id="field-(\w+)-error"', page)) == fields
    assert f'value="{form["username"]}"' in page
    assert " checked" in page
    assert NEW not in page


async def test_a_disabled_account_is_signed_out_everywhere_at_once_until_it_is_enabled(
    office: TestClientProtocol, app: Quart, bob: User, database: Database
) -> None:
    browser, program = await sign_in(app, bob), await api_client_for(app, bob)

    answer = await office.post(f"/people/{bob.id}/disable")

    assert (answer.status_code, answer.headers["Location"]) == (303, f"/people/{bob.id}")
    assert (await browser.get("/account")).status_code == 302
    assert (await program.get("/api/v1/me")).status_code == 401
    assert not await can_sign_in(app, "bob", bob.password)
    assert (await latest(database))[:2] == ("account.disabled", "boss")
    assert "bob is disabled" in await text_of(office, f"/people/{bob.id}")

    await office.post(f"/people/{bob.id}/enable")

    assert (await browser.get("/account")).status_code == 302
    assert await can_sign_in(app, "bob", bob.password)
    assert (await latest(database))[:2] == ("account.enabled", "boss")


async def test_a_role_given_or_taken_ends_the_sessions_that_had_the_other(
    office: TestClientProtocol, app: Quart, bob: User, database: Database
) -> None:
    for word, status in (("on", 200), ("off", 403)):
        browser = await sign_in(app, bob)
        assert (
            await office.post(f"/people/{bob.id}/admin", form={"admin": word})
        ).status_code == 303

        assert (await browser.get("/account")).status_code == 302
        assert (await (await sign_in(app, bob)).get("/people")).status_code == status
        action, _, _, detail = await latest(database)
        assert action == "account.admin"
        assert detail == '{"is_admin": [%s]}' % ("false, true" if word == "on" else "true, false")


async def test_a_password_set_by_an_admin_ends_all_sessions(
    office: TestClientProtocol, app: Quart, bob: User, database: Database
) -> None:
    browser = await sign_in(app, bob)

    answer = await office.post(f"/people/{bob.id}/password", form={"password": NEW})

    assert answer.status_code == 303
    assert (await browser.get("/account")).status_code == 302
    assert await can_sign_in(app, "bob", NEW)
    assert await latest(database) == ("account.password", "boss", f"{bob.id}:bob", "{}")
    for poor in ("", "short", "12345678", "x" * 129):
        answer = await office.post(f"/people/{bob.id}/password", form={"password": poor})
        assert answer.status_code == 400
        assert 'id="field-password-error"' in await answer.get_data(as_text=True)


async def test_an_admin_signs_somebody_out_of_one_device_or_of_all(
    office: TestClientProtocol, app: Quart, bob: User
) -> None:
    first, second, third = [await sign_in(app, bob) for _ in range(3)]
    page = await text_of(office, f"/people/{bob.id}")
    newest, *_ = re.findall(rf"/people/{bob.id}/sessions/(\w+)/end", page)

    await office.post(f"/people/{bob.id}/sessions/{newest}/end")

    states = [(await browser.get("/account")).status_code for browser in (first, second, third)]
    assert states == [200, 200, 302]
    await office.post(f"/people/{bob.id}/sessions/end")
    for browser in (first, second):
        assert (await browser.get("/account")).status_code == 302
    assert "Signed in nowhere." in await text_of(office, f"/people/{bob.id}")


async def test_a_session_is_ended_on_the_page_of_its_own_person_only(
    office: TestClientProtocol, bob: User, database: Database
) -> None:
    async with database.reading() as db:
        id = await db.scalar(select(LoginSession.id))

    await office.post(f"/people/{bob.id}/sessions/{id}/end")

    assert await text_of(office, "/people")


async def test_nobody_locks_themselves_out(
    office: TestClientProtocol, boss: User, make_user: MakeUser, database: Database
) -> None:
    await make_user(admin=True)
    for change in ("disable", "admin", "password"):
        answer = await office.post(f"/people/{boss.id}/{change}", form={"password": NEW})
        assert answer.status_code == 409
    mine = await text_of(office, f"/people/{boss.id}")
    assert "This is you" in mine
    assert "/disable" not in mine
    assert (await account(database, boss.id)).is_admin


@pytest.mark.parametrize("id", [0, 4_000_000, 2**31, 2**64, 10**40])
async def test_an_account_that_is_none_is_not_found(id: int, office: TestClientProtocol) -> None:
    assert (await office.get(f"/people/{id}")).status_code == 404
    for change in CHANGES:
        answer = await office.post(f"/people/{id}/{change}", form={"password": NEW})
        assert answer.status_code == 404, change
