"""What goes wrong below /api/ is problem+json, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest
from quart import Quart
from quart.testing import QuartClient
from sqlalchemy.exc import OperationalError

from quartapp.core.errors import (
    Busy,
    Changed,
    Conflict,
    Forbidden,
    Invalid,
    NoRoom,
    NotFound,
    NotReady,
    Refusal,
    TooSlow,
)
from quartapp.houses import service as houses
from quartapp.web.problems import MEDIA_TYPE, for_error, pointer, problem
from tests.web.api.conftest import Api

TOO_LONG = Refusal("too-long", "is longer than %(limit)d characters", limit=3)


@pytest.fixture
def backend() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


ERRORS: list[tuple[Exception, int, str]] = [
    (NotFound("none"), 404, "not-found"),
    (Forbidden("no"), 403, "forbidden"),
    (Conflict("there"), 409, "conflict"),
    (Changed("changed", current=None), 409, "changed"),
    (Invalid("wrong"), 422, "invalid"),
    (TooSlow("slow"), 503, "too-slow"),
    (Busy("busy", retry_after=7), 503, "busy"),
    (NotReady("away"), 503, "not-ready"),
    (NoRoom("full"), 507, "no-room"),
    (OperationalError("SELECT secret", {}, Exception("gone")), 503, "not-ready"),
    (ZeroDivisionError("secret"), 500, "internal-error"),
]


@pytest.mark.parametrize(("error", "status", "code"), ERRORS)
async def test_each_kind_of_error_has_its_status_and_code(
    app: Quart, error: Exception, status: int, code: str
) -> None:
    async with app.test_request_context("/api/v1/houses", method="PUT"):
        answer = await for_error(error)

    told = await answer.get_json()
    assert (answer.status_code, told["status"], told["code"]) == (status, status, code)
    assert answer.mimetype == MEDIA_TYPE
    assert answer.headers["Cache-Control"] == "no-store"
    assert "secret" not in await answer.get_data(as_text=True)
    if status == 503:
        assert answer.headers["Retry-After"] == ("7" if code == "busy" else "2")


async def test_what_was_changed_meanwhile_is_412_for_who_asked_by_if_match(app: Quart) -> None:
    headers = {"If-Match": '"x"'}
    async with app.test_request_context("/api/v1/houses/h", method="PUT", headers=headers):
        assert (await for_error(Changed("changed", current=None))).status_code == 412
        assert (await for_error(Conflict("there"))).status_code == 409


@pytest.mark.parametrize(
    ("method", "place"), [("POST", {"pointer": "/projectNo"}), ("GET", {"parameter": "projectNo"})]
)
async def test_refused_fields_are_named_as_in_json(
    app: Quart, method: str, place: dict[str, str]
) -> None:
    async with app.test_request_context("/api/v1/houses", method=method):
        answer = await for_error(Invalid("wrong", fields={"project_no": TOO_LONG}))

    [error] = (await answer.get_json())["errors"]
    assert error == {**place, "code": "too-long", "detail": "is longer than 3 characters"}


async def test_a_problem_says_no_more_than_it_knows(app: Quart) -> None:
    async with app.test_request_context("/api/"):
        answer = problem(404, code="not-found")

    assert await answer.get_json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "not-found",
    }


def test_pointers_escape_what_separates_their_steps() -> None:
    assert pointer("a/b", "~", 0) == "/a~1b/~0/0"
    assert pointer() == ""


async def test_unknown_addresses_and_methods_below_api_are_problems_too(app: Quart) -> None:
    client = QuartClient(app)
    answers: list[tuple[str, str, int]] = [
        ("GET", "/api/", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v2/houses", 404),
        ("DELETE", "/api/v1/houses", 405),
        ("POST", "/api/openapi.json", 405),
    ]
    for method, path, status in answers:
        answer = await client.open(path, method=method)
        assert (answer.status_code, answer.mimetype) == (status, MEDIA_TYPE), path
        if status == 405:
            assert "GET" in answer.headers["Allow"]


async def test_a_fault_of_ours_is_500_and_says_no_more(
    api: Api, app: Quart, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(houses, "get", fail)
    headers = {"Authorization": f"Bearer {api.token}"}
    answer = await app.test_client().get("/api/v1/houses/h", headers=headers)

    assert (answer.status_code, answer.mimetype) == (500, MEDIA_TYPE)
    assert (await answer.get_json())["code"] == "internal-error"
    assert "secret" not in await answer.get_data(as_text=True)
    assert "ZeroDivisionError" in caplog.text
