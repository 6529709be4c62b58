"""Every default answer, over HTTP, with views and callbacks of either kind."""

from __future__ import annotations

import pytest

from tests.jwt.rows import ROWS
from tests.jwt.support import Row, build


@pytest.mark.parametrize("row", ROWS, ids=str)
async def test_a_request_gets_the_documented_answer(row: Row, style: str) -> None:
    client = build(style, **row.options).test_client()

    response = await client.open(row.path, **row.request)

    assert response.status_code == row.status
    assert "WWW-Authenticate" not in response.headers
    if row.text is not None:
        key = row.options.get("ERROR_MESSAGE_KEY", "msg")
        assert response.mimetype == "application/json"
        assert await response.get_json() == {key: row.text}


def test_the_names_of_the_rows_are_unique() -> None:
    names = [row.name for row in ROWS]

    assert len(set(names)) == len(names)
