"""The program of the how-to page runs as it stands there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from quart import Quart

from quartapp.db.database import Database

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "refresh-rotation.md"
ADDRESS = 'Database("sqlite+aiosqlite:///instance/app.db")'
PASSWORD = {"username": "bob", "password": "right"}


@dataclass
class User:
    id: int = 1


async def authenticate(username: str, password: str) -> User | None:
    return User() if password == "right" else None


async def replace_password(identity: str, body: Any) -> None:
    return None


@pytest.fixture
def program(database: Database) -> Quart:
    """The page's application, on the database of the tests."""
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    assert ADDRESS in found[1]
    names: dict[str, Any] = {
        "__name__": __name__,
        "secret": "a secret of the tests, long enough",
        "authenticate": authenticate,
        "replace_password": replace_password,
        "given": database,
    }
    exec(found[1].replace(ADDRESS, "given"), names)  # noqa: S102 - our own page
    app: Quart = names["app"]
    return app


async def test_somebody_signs_in_refreshes_and_signs_out(program: Quart) -> None:
    client = program.test_client()

    async def call(method: str, path: str, token: str, **sent: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        response = await client.open(path, method=method, headers=headers, **sent)
        return response.status_code, await response.get_json()

    wrong = await client.post("/login", json=PASSWORD | {"password": "wrong"})
    assert wrong.status_code == 401
    response = await client.post("/login", json=PASSWORD)
    first = await response.get_json()
    assert response.headers["Cache-Control"] == "no-store"
    other = await (await client.post("/login", json=PASSWORD)).get_json()

    status, second = await call("POST", "/refresh", first["refresh_token"])
    assert status == 200
    access = second["access_token"]

    status, listed = await call("GET", "/sessions", access)
    assert [each["current"] for each in listed] == [True, False]
    path = f"/sessions/{listed[1]['id']}"
    assert [(await call("DELETE", path, access))[0] for _ in range(2)] == [204, 404]
    assert (await call("POST", "/refresh", other["refresh_token"]))[0] == 401

    # Fresh is who has just given his password.
    assert (await call("POST", "/password", access, json={}))[0] == 401
    assert (await call("POST", "/password", first["access_token"], json={}))[0] == 204
    assert (await call("POST", "/logout", access))[0] == 204
    assert (await call("GET", "/sessions", access))[0] == 401


async def test_a_token_used_twice_ends_the_session(
    program: Quart, caplog: pytest.LogCaptureFixture
) -> None:
    client = program.test_client()
    tokens = [await (await client.post("/login", json=PASSWORD)).get_json()]
    for _ in range(2):
        headers = {"Authorization": f"Bearer {tokens[-1]['refresh_token']}"}
        tokens.append(await (await client.post("/refresh", headers=headers)).get_json())

    for token in (tokens[0], tokens[2]):
        headers = {"Authorization": f"Bearer {token['refresh_token']}"}
        assert (await client.post("/refresh", headers=headers)).status_code == 401
    assert "A refresh token of 1 was used twice" in caplog.text
