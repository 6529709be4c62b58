"""Houses in the browser: found, shown, made, changed and deleted."""

from __future__ import annotations

import asyncio
import html
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from quart import Quart
from sqlalchemy import event, insert, text

from quartapp.audit.service import Actor
from quartapp.core.errors import TooSlow
from quartapp.db.database import Database
from quartapp.houses import search, service
from quartapp.houses.models import House
from quartapp.web.house_path import escaped

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

ANN = Actor(None, "ann")
ODD = [
    "  two spaces before, one behind ",
    "\u202eright to left\u202c שלום",
    "😀🏠👨‍👩‍👧",
    "<script>alert(1)</script>",
    "'; DROP TABLE base_house; --",
    '"quoted" & %00 {{ 7*7 }}',
    "tab\tand\x01",
    "名" * 256,
]
IDS = [
    ".",
    "..",
    "...",
    "a/b",
    "/",
    "~",
    "~1",
    "a b",
    " ",
    "%2e",
    "?x#y",
    "阳光",
    "😀",
    "\\",
    "a\nb",
]

TOO_MUCH = [
    ("id", "i" * 65, "is longer than 64 characters"),
    ("project_no", "n" * 129, "is longer than 128 characters"),
    ("project_name", "n" * 257, "is longer than 256 characters"),
    ("project_address", "😀" * 257, "is longer than 256 characters"),
    ("project_name", "a\0b", "holds a NUL character"),
    ("project_name", "n" * 400_000, "is longer than 256 characters"),
]
NOT_TO_BE_FOUND = [
    (f"q={'x' * 257}", "is longer than 256 characters"),
    ("q=%00", "holds a NUL character"),
    ("match=regex", "There is no such way to search."),
    ("sort=password", "The houses cannot be sorted by that."),
    ("after=x", "This address names no place in the list."),
    ("before=%F0%9F%92%A5", "This address names no place in the list."),
    (f"after={'A' * 5000}", "This address names no place in the list."),
]


async def make(database: Database, id: str, *values: str | None) -> House:
    no, name, address = (*values, None, None, None)[:3]
    async with database.writing() as db:
        return await service.create(
            db, id=id, project_no=no, project_name=name, project_address=address, by=ANN
        )


async def fill(database: Database, count: int) -> None:
    rows = [
        {"id": f"{n:03}", "project_no": None, "project_name": f"n{n % 7}", "project_address": ""}
        for n in range(count)
    ]
    async with database.writing() as db:
        await db.execute(insert(House), rows)


async def stored(database: Database, id: str) -> tuple[str | None, ...]:
    async with database.reading() as db:
        house = await service.get(db, id=id)
    return house.project_no, house.project_name, house.project_address


async def read(client: TestClientProtocol, path: str, status: int = 200) -> str:
    answer = await client.get(path)
    assert answer.status_code == status, await answer.get_data(as_text=True)
    return str(await answer.get_data(as_text=True))


async def send(client: TestClientProtocol, path: str, status: int = 303, /, **form: str) -> str:
    answer = await client.post(path, form=form)
    assert answer.status_code == status, await answer.get_data(as_text=True)
    return str(answer.headers.get("Location") or await answer.get_data(as_text=True))


def of_house(id: str, rest: str = "") -> str:
    return f"/house/{quote(escaped(id), safe='')}{rest}"


def typed_in(page: str, name: str) -> str:
    """What stands in a field of a form."""
    field = re.search(rf'<input[^>]* name="{name}"[^>]*>', page)
    if field is None:
        area = re.search(rf'<textarea[^>]* name="{name}"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
        assert area, name
        return html.unescape(area[1])
    value = re.search(r' value="([^"]*)"', field[0])
    return html.unescape(value[1]) if value else ""


def listed(page: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*><a href="/house/([^"]*)">', page)


def link(page: str, rel: str) -> str:
    found = re.search(rf'href="([^"]*)" rel="{rel}"', page)
    assert found, f"no link to {rel}"
    return html.unescape(found[1])


async def test_nobody_sees_houses_without_signing_in(app: Quart) -> None:
    for path in ("/houses", "/houses/new", "/houses/export.csv", "/house/1", "/house/1/edit"):
        answer = await app.test_client().get(path)
        assert (answer.status_code, answer.headers["Location"][:7]) == (302, "/login?")


async def test_nobody_changes_houses_without_signing_in(app: Quart, database: Database) -> None:
    await make(database, "1", "no")

    for path in ("/houses/new", "/house/1/edit", "/house/1/delete"):
        answer = await app.test_client().post(path, form={"project_no": "other"})
        assert answer.status_code == 401

    assert await stored(database, "1") == ("no", None, None)


async def test_an_empty_list_says_what_to_do(browser: TestClientProtocol) -> None:
    page = await read(browser, "/houses")

    assert "There are no houses yet." in page
    assert 'href="/houses/new"' in page


async def test_what_is_typed_comes_back_as_it_was(
    browser: TestClientProtocol, database: Database
) -> None:
    for number, value in enumerate(ODD):
        address = await send(browser, "/houses/new", id=str(number), project_name=value)
        assert address == f"/house/{number}"
        assert await stored(database, str(number)) == (None, value, None)
        page = html.unescape(await read(browser, address))
        assert f'<dd><bdi class="as-typed">{value}</bdi></dd>' in page
        form = await read(browser, f"{address}/edit")
        assert typed_in(form, "project_name") == value
        seen = typed_in(form, "seen")
        await send(browser, f"{address}/edit", seen=seen, project_name=value, project_no="new")
        assert await stored(database, str(number)) == ("new", value, None)

    page = await read(browser, "/houses")
    assert all(f'<bdi class="as-typed">{value}</bdi>' in html.unescape(page) for value in ODD)
    assert "<script>alert" not in page


async def test_any_id_has_its_pages(browser: TestClientProtocol, database: Database) -> None:
    for id in IDS:
        assert await send(browser, "/houses/new", id=id, project_name="x") == of_house(id)
    links = {of_house(id).removeprefix("/house/") for id in IDS}
    assert set(listed(await read(browser, "/houses"))) == links

    for id in IDS:
        await read(browser, of_house(id))
        seen = typed_in(await read(browser, of_house(id, "/edit")), "seen")
        await send(browser, of_house(id, "/edit"), seen=seen, project_name="y")
        assert (await stored(database, id))[1] == "y"
        seen = typed_in(await read(browser, of_house(id, "/delete")), "seen")
        assert await send(browser, of_house(id, "/delete"), seen=seen) == "/houses"
        await read(browser, of_house(id), 404)


async def test_a_house_that_is_not_there_is_a_404(browser: TestClientProtocol) -> None:
    for path in ("/house/nix", "/house/~", "/house/~2a", "/house/~3", "/house/~2~"):
        await read(browser, path, 404)
        await read(browser, f"{path}/edit", 404)
        await send(browser, f"{path}/delete", 404, seen="x")


async def test_a_house_without_an_id_gets_one_and_empty_fields_are_no_value(
    browser: TestClientProtocol, database: Database
) -> None:
    first = await send(browser, "/houses/new", id="", project_no="", project_name="a")
    second = await send(browser, "/houses/new")

    ids = [address.removeprefix("/house/") for address in (first, second)]
    assert ids == sorted(ids)
    assert [len(id) for id in ids] == [36, 36]
    assert await stored(database, ids[0]) == (None, "a", None)


async def test_what_does_not_fit_is_said_at_its_field(
    browser: TestClientProtocol, database: Database
) -> None:
    await make(database, "1", "old")
    seen = typed_in(await read(browser, "/house/1/edit"), "seen")

    for field, value, why in TOO_MUCH:
        told = rf'id="field-{field}-error">[^<]*{why}'
        page = await send(browser, "/houses/new", 400, **{"project_no": "kept", field: value})
        assert re.search(told, page)
        assert field == "project_no" or typed_in(page, "project_no") == "kept"
        if field != "id":
            page = await send(browser, "/house/1/edit", 400, **{"seen": seen, field: value})
            assert re.search(told, page)

    assert await stored(database, "1") == ("old", None, None)


async def test_a_form_of_ten_megabytes_is_refused(browser: TestClientProtocol) -> None:
    await send(browser, "/houses/new", 413, project_name="x" * 10_000_000)


async def test_an_id_that_is_taken_is_said_at_its_field(
    browser: TestClientProtocol, database: Database
) -> None:
    await make(database, "1", "first")

    page = await send(browser, "/houses/new", 409, id="1", project_no="second")

    assert 'id="field-id-error"' in page
    assert typed_in(page, "project_no") == "second"
    assert await stored(database, "1") == ("first", None, None)


async def test_a_field_that_nobody_touched_stays_as_it_was(
    browser: TestClientProtocol, database: Database
) -> None:
    await make(database, "1", "", "line 1\r\nline 2\nline 3", None)
    form = await read(browser, "/house/1/edit")
    as_a_browser_sends_it = "line 1\r\nline 2\r\nline 3"

    await send(
        browser,
        "/house/1/edit",
        seen=typed_in(form, "seen"),
        project_no=typed_in(form, "project_no"),
        project_name=as_a_browser_sends_it,
        project_address="",
    )

    assert await stored(database, "1") == ("", "line 1\r\nline 2\nline 3", None)
    assert "Nothing was changed." in await read(browser, "/house/1")
    form = await read(browser, "/house/1/edit")
    await send(
        browser,
        "/house/1/edit",
        seen=typed_in(form, "seen"),
        project_name=f"{as_a_browser_sends_it}!",
        project_address="\r\nx",
    )
    assert await stored(database, "1") == ("", "line 1\nline 2\nline 3!", "\nx")
    form = await read(browser, "/house/1/edit")
    assert typed_in(form, "project_address") == "\nx"
    await send(browser, "/house/1/edit", seen=typed_in(form, "seen"), project_name="")
    assert await stored(database, "1") == ("", None, "\nx")


async def test_the_second_of_two_editors_chooses_field_by_field(
    browser: TestClientProtocol, database: Database
) -> None:
    await make(database, "1", "no", "name", "address")
    form = await read(browser, "/house/1/edit")
    async with database.writing() as db:
        theirs = {"project_no": "their no", "project_name": "their name"}
        await service.update(db, id="1", changes=theirs, by=ANN)

    fields = {name: typed_in(form, name) for name in ("seen", "opened_project_no")}
    fields |= {"opened_project_name": "name", "opened_project_address": "address"}
    page = await send(
        browser,
        "/house/1/edit",
        409,
        **fields,
        project_no="no",
        project_name="my name",
        project_address="my address",
    )

    assert await stored(database, "1") == ("their no", "their name", "address")
    for told in ("their no", "their name", "my name", "my address"):
        assert f'<bdi class="as-typed">{told}</bdi>' in page
    checked = re.findall(r'name="take_(\w+)"[^>]*value="(\w+)" checked', page)
    assert checked == [
        ("project_no", "theirs"),  # mine is what it was
        ("project_name", "mine"),
        ("project_address", "mine"),
    ]
    again = {name: typed_in(page, name) for name in ("seen", *service.CHANGEABLE)}
    await send(browser, "/house/1/edit", **again, **{f"take_{n}": take for n, take in checked})
    assert await stored(database, "1") == ("their no", "my name", "my address")


async def test_one_editor_may_take_over_all(
    browser: TestClientProtocol, database: Database
) -> None:
    await make(database, "1", "no", "name")
    page = await send(
        browser, "/house/1/edit", 409, project_no="mine", project_name="my name"
    )  # without what was seen

    await send(
        browser,
        "/house/1/edit",
        seen=typed_in(page, "seen"),
        project_no="mine",
        project_name="my name",
        take_project_no="theirs",
        all="mine",
    )

    assert await stored(database, "1") == ("mine", "my name", None)


async def test_of_two_that_save_at_once_one_is_told(
    browser: TestClientProtocol, database: Database
) -> None:
    await make(database, "1", "no")
    seen = typed_in(await read(browser, "/house/1/edit"), "seen")

    answers = await asyncio.gather(
        *(
            browser.post("/house/1/edit", form={"seen": seen, "project_no": f"by {n}"})
            for n in range(6)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 5
    winner = next(n for n, answer in enumerate(answers) if answer.status_code == 303)
    assert await stored(database, "1") == (f"by {winner}", None, None)


async def test_a_house_that_was_changed_is_not_deleted_unseen(
    browser: TestClientProtocol, database: Database
) -> None:
    await make(database, "1", "no")
    seen = typed_in(await read(browser, "/house/1/delete"), "seen")
    async with database.writing() as db:
        await service.update(db, id="1", changes={"project_no": "new"}, by=ANN)

    page = await send(browser, "/house/1/delete", 409, seen=seen)

    assert "Somebody changed this house" in page
    assert '<bdi class="as-typed">new</bdi>' in page
    await send(browser, "/house/1/delete", seen=typed_in(page, "seen"))
    await read(browser, "/house/1", 404)


async def test_the_page_of_a_house_tells_who_changed_what(
    browser: TestClientProtocol, database: Database
) -> None:
    await make(database, "1", "no", "<b>")
    await make(database, "2", "another")
    seen = typed_in(await read(browser, "/house/1/edit"), "seen")
    await send(browser, "/house/1/edit", seen=seen, project_name="new <name>")

    page = await read(browser, "/house/1")

    assert '<del><bdi class="as-typed">&lt;b&gt;</bdi></del>' in page
    assert '<ins><bdi class="as-typed">new &lt;name&gt;</bdi></ins>' in page
    assert "another" not in page


async def test_the_search_is_kept_on_all_ways(
    browser: TestClientProtocol, database: Database
) -> None:
    await fill(database, 70)

    page = await read(browser, "/houses?q=n&match=prefix&sort=project_name&descending=1")

    links = [html.unescape(found) for found in re.findall(r'href="(/houses[^"]*q=n[^"]*)"', page)]
    assert len(links) > 8
    assert all("match=prefix" in found for found in links)
    assert typed_in(page, "sort") == "project_name"
    assert 'aria-sort="descending"' in page
    for address in links:
        await read(browser, address)


async def test_next_and_previous_lead_through_all(
    browser: TestClientProtocol, database: Database
) -> None:
    await fill(database, 50)

    for query in ("", "sort=project_name", "sort=project_no&descending=1"):
        page = await read(browser, f"/houses?{query}")
        seen = [listed(page)]
        for _ in range(2):
            page = await read(browser, link(page, "next"))
            seen.append(listed(page))
        assert 'rel="next"' not in page
        assert re.search(r'aria-current="page">\s*3', page)
        back = [listed(page)]
        for _ in range(2):
            page = await read(browser, link(page, "prev"))
            back.append(listed(page))
        assert [len(ids) for ids in seen] == [20, 20, 10]
        assert sorted(id for ids in seen for id in ids) == [f"{n:03}" for n in range(50)]
        assert back == seen[::-1]
        assert 'rel="prev"' not in page


async def test_a_page_is_reached_by_number_and_size(
    browser: TestClientProtocol, database: Database
) -> None:
    await fill(database, 120)

    assert listed(await read(browser, "/houses?page=2&size=50"))[0] == "050"
    assert len(listed(await read(browser, "/houses?size=100"))) == 100
    assert "120 houses" in await read(browser, "/houses?page=6")
    for beyond in ("/houses?page=7", "/houses?page=999999999"):
        assert "There is nothing here any more." in await read(browser, beyond)
    for none in ("?page=0", "?page=-1", "?page=x", "?page=9999999999", "?size=7", "?size=%C2%B2"):
        assert listed(await read(browser, f"/houses{none}"))[0] == "000"


async def test_more_than_anybody_counts_is_said_so(
    browser: TestClientProtocol, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "COUNTED", 40)
    await fill(database, 90)

    page = await read(browser, "/houses?page=2")
    assert "More than 40 houses" in page
    page = await read(browser, link(page, "next"))
    page = await read(browser, link(page, "next"))
    assert listed(page)[0] == "060"
    page = await read(browser, link(page, "next"))
    assert len(listed(page)) == 10


async def test_what_cannot_be_looked_for_is_said(browser: TestClientProtocol) -> None:
    for query, told in NOT_TO_BE_FOUND:
        assert told in await read(browser, f"/houses?{query}", 400)


async def test_a_search_that_takes_too_long_says_what_else_to_do(
    browser: TestClientProtocol, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*_args: object, **_values: object) -> None:
        raise TooSlow("it took too long")

    monkeypatch.setattr(search, "page", slow)

    page = await read(browser, "/houses?q=x", 503)
    assert "This search takes too long." in page
    assert typed_in(page, "q") == "x"


async def test_a_list_takes_two_questions(browser: TestClientProtocol, database: Database) -> None:
    await fill(database, 50)
    asked: list[str] = []

    def remember(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "base_house" in statement:
            asked.append(statement)

    await read(browser, "/houses")
    event.listen(database.engine.sync_engine, "before_cursor_execute", remember)
    try:
        for path in ("/houses?q=n&sort=project_name", "/houses?page=2", "/houses?q=n&match=prefix"):
            asked.clear()
            await read(browser, path)
            assert len(asked) == 2, asked
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", remember)


async def test_rows_of_other_programs_are_shown_and_changed(
    browser: TestClientProtocol, database: Database
) -> None:
    async with database.writing() as db:
        await db.execute(text("INSERT INTO base_house VALUES ('x', NULL, '', 'there')"))

    page = await read(browser, "/house/x")
    assert "empty text" in page
    assert "Nobody has changed this house here." in page
    seen = typed_in(await read(browser, "/house/x/edit"), "seen")
    await send(browser, "/house/x/edit", seen=seen, project_no="1")
    assert await stored(database, "x") == ("1", "", "there")


async def test_a_house_whose_id_is_nothing_has_its_pages(
    browser: TestClientProtocol, database: Database
) -> None:
    async with database.writing() as db:
        await db.execute(text("INSERT INTO base_house VALUES ('', 'no', NULL, NULL)"))

    assert listed(await read(browser, "/houses")) == ["~3"]
    await read(browser, "/house/~3")
    seen = typed_in(await read(browser, "/house/~3/delete"), "seen")
    await send(browser, "/house/~3/delete", seen=seen)
    assert "There are no houses yet." in await read(browser, "/houses")
