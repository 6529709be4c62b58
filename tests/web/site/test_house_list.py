"""The list of houses: searched, sorted, page by page."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event

from quartapp.core.errors import TooSlow
from quartapp.db.database import Database
from quartapp.houses import search

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

from tests.web.site.house_pages import fill, link, listed, read, typed_in

NOT_TO_BE_FOUND = [
    (f"q={'x' * 257}", "is longer than 256 characters"),
    ("q=%00", "holds a NUL character"),
    ("match=regex", "There is no such way to search."),
    ("sort=password", "The houses cannot be sorted by that."),
    ("after=x", "This address names no place in the list."),
    ("before=%F0%9F%92%A5", "This address names no place in the list."),
    (f"after={'A' * 5000}", "This address names no place in the list."),
]


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
