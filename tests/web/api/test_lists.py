"""Lists of houses and people: pages, cursors, links, orders, fields."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import event, insert

from quartapp.accounts.models import Account
from quartapp.db import counting
from quartapp.db.database import Database
from quartapp.houses.models import House
from tests.web.api.conftest import Api


async def sow(database: Database, count: int) -> None:
    rows = [
        {"id": f"h{number:03}", "project_no": str(count - number), "project_name": "福田区"}
        for number in range(count)
    ]
    async with database.writing() as db:
        await db.execute(insert(House), rows)


async def page(api: Api, path: str) -> tuple[dict[str, Any], dict[str, str]]:
    """The body and the links of a page."""
    answer = await api.get(path)
    assert answer.status_code == 200
    found = re.findall(r'<([^>]+)>; rel="(\w+)"', answer.headers["Link"])
    return await answer.get_json(), {rel: address for address, rel in found}


async def walk(api: Api, path: str, by: str, name: str = "id") -> list[str]:
    """The ids of all pages, from one to the next, or what else names an item."""
    ids: list[str] = []
    address: str | None = path
    while address is not None:
        body, links = await page(api, address)
        assert body[{"prev": "previous"}.get(by, by)] == links.get(by)
        own = [item[name] for item in body["items"]]
        ids = ids + own if by == "next" else own + ids
        address = links[by].removeprefix("/api/v1") if by in links else None
    return ids


async def test_an_empty_list_is_one_page_without_houses(api: Api) -> None:
    body, links = await page(api, "/houses")

    assert body == {
        "items": [],
        "page": 1,
        "size": 20,
        "total": 0,
        "totalIsExact": True,
        "next": None,
        "previous": None,
    }
    assert set(links) == {"first"}


async def test_pages_and_cursors_lead_through_all_houses_both_ways(
    api: Api, database: Database
) -> None:
    await sow(database, 7)
    expected = [f"h{number:03}" for number in range(7)]

    assert await walk(api, "/houses?size=3&page=1", "next") == expected
    assert await walk(api, "/houses?size=3&page=3", "prev") == expected
    assert await walk(api, "/houses?size=3&cursor=", "next") == expected
    assert await walk(api, "/houses?size=3&cursor=~", "prev") == expected
    assert await walk(api, "/houses?size=3&cursor=&sort=projectNo", "next") == expected[::-1]
    assert await walk(api, "/houses?size=3&cursor=&sort=-projectNo", "next") == expected


async def test_links_keep_the_question(api: Api, database: Database) -> None:
    await sow(database, 5)

    body, links = await page(api, "/houses?q=%E7%A6%8F%E7%94%B0&size=2&page=2&fields=id")

    assert set(links) == {"first", "prev", "next", "last"}
    asked = parse_qs(urlsplit(links["last"]).query)
    assert asked == {"q": ["福田"], "size": ["2"], "fields": ["id"], "page": ["3"]}
    assert (body["total"], body["page"]) == (5, 2)


async def test_a_page_past_the_end_is_empty_and_leads_back(api: Api, database: Database) -> None:
    await sow(database, 3)

    body, links = await page(api, "/houses?size=2&page=3")

    assert body["items"] == []
    assert set(links) == {"first", "prev", "last"}


async def test_only_the_fields_asked_for_are_sent(api: Api, database: Database) -> None:
    await sow(database, 1)

    body, _ = await page(api, "/houses?fields=projectName")

    assert body["items"] == [{"id": "h000", "projectName": "福田区"}]
    assert body["total"] == 1


async def test_houses_are_found_by_text_and_by_name(api: Api, database: Database) -> None:
    await sow(database, 12)

    async def count(question: str) -> int:
        body, _ = await page(api, f"/houses?{question}")
        return int(body["total"])

    assert await count("q=%E7%A6%8F%E7%94%B0") == 12
    assert await count("q=H00") == 10
    assert await count("q=h00&match=prefix") == 10
    assert await count("q=H00&match=prefix") == 0
    assert await count("q=h001&match=exact") == 1
    assert await count("name=%E7%A6%8F%E7%94%B0") == 0
    assert await count("name=%E7%A6%8F%E7%94%B0%E5%8C%BA") == 12
    assert await count("q=%25") == await count("q=_") == 0


async def test_everything_that_is_wrong_with_a_question_is_told_at_once(api: Api) -> None:
    wrong = "page=0&size=101&sort=name&fields=id,x&match=like&more=1&name=" + "x" * 257 + "&q=%00"
    answer = await api.get(f"/houses?{wrong}")

    assert answer.status_code == 422
    errors = {each["parameter"]: each["code"] for each in (await answer.get_json())["errors"]}
    assert errors == {
        "page": "too-small",
        "size": "too-large",
        "sort": "unknown-value",
        "fields": "wrong-form",
        "match": "unknown-value",
        "more": "unknown",
        "name": "too-long",
        "q": "nul",
    }


async def test_numbers_are_digits_and_nothing_stands_twice(api: Api) -> None:
    for number in ("1.0", "1e1", "%201", "1_0", "%D9%A3", "0x1", "", "99999999999999999999"):
        assert (await api.get(f"/houses?page={number}")).status_code == 422, number
    assert (await api.get("/houses?page=1&page=2")).status_code == 400


async def test_what_is_no_cursor_of_this_order_is_refused(api: Api, database: Database) -> None:
    await sow(database, 3)
    body, _ = await page(api, "/houses?cursor=&size=1")
    cursor = parse_qs(urlsplit(body["next"]).query)["cursor"][0]

    assert (await api.get(f"/houses?cursor={cursor}")).status_code == 200
    for wrong in (f"{cursor}&sort=-id", "x", "~x", "~~", "%00", "%F0%9F%92%A5", "x" * 5000):
        answer = await api.get(f"/houses?cursor={wrong}")
        assert answer.status_code == 422, wrong
        assert [each["parameter"] for each in (await answer.get_json())["errors"]] == ["cursor"]


async def test_a_page_takes_as_many_statements_however_many_houses_it_has(
    api: Api, database: Database
) -> None:
    await sow(database, 60)
    statements: list[str] = []

    def note(_1: object, _2: object, statement: str, *_: object) -> None:
        if "FROM" in statement:
            statements.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        counts = []
        for path in (
            "/houses?size=2",
            "/houses?size=50",
            "/houses?cursor=&size=50",
            "/houses/h001",
        ):
            statements.clear()
            assert (await api.get(path)).status_code == 200
            counts.append(len(statements))
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)

    # The session of the token is one of them.
    assert counts == [3, 3, 3, 2]


async def test_pages_and_cursors_lead_through_all_people_both_ways(
    admin: Api, database: Database
) -> None:
    names = ["Zoe", "a", "a b", "n/m", "root", "管理员", "😀"]
    async with database.writing() as db:
        rows = [{"username": name, "userpwd": "x"} for name in names if name != "root"]
        await db.execute(insert(Account), rows)

    for path, by in (
        ("page=1", "next"),
        ("page=4", "prev"),
        ("cursor=", "next"),
        ("cursor=~", "prev"),
    ):
        assert await walk(admin, f"/people?size=2&{path}", by, "username") == names
    assert (await page(admin, "/people?cursor=&size=2"))[0]["total"] == len(names)
    for path in ("page=0", "size=101", "sort=id", "cursor=x", "cursor=~x"):
        assert (await admin.get(f"/people?{path}")).status_code == 422, path


async def test_more_people_than_are_counted_can_all_be_reached(
    admin: Api, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNTED", 2)
    async with database.writing() as db:
        await db.execute(insert(Account), [{"username": n, "userpwd": "x"} for n in "abcd"])

    body, links = await page(admin, "/people?size=2&page=1")
    assert (body["total"], body["totalIsExact"], set(links)) == (2, False, {"first", "next"})
    assert await walk(admin, "/people?size=2&page=1", "next", "username") == [*"abcd", "root"]
