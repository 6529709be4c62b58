"""What the tests of the pages of houses share."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import insert

from quartapp.audit.service import Actor
from quartapp.db.database import Database
from quartapp.houses import service
from quartapp.houses.models import House
from quartapp.web.house_path import escaped

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

ANN = Actor(None, "ann")


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
