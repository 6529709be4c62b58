"""Houses in the browser: found, shown, made, changed and deleted."""

from __future__ import annotations

import asyncio
import html
import re
from typing import TYPE_CHECKING

from quart import Quart
from sqlalchemy import text

from quartapp.db.database import Database
from quartapp.houses import service

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

from tests.web.site.house_pages import ANN, listed, make, of_house, read, send, stored, typed_in

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
