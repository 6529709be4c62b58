"""Rules over all routes of the API, and over the document that describes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from quart import Quart
from quart.testing import QuartClient

from quartapp.web.api import PARTS, docs
from quartapp.web.api.openapi import declared_routes, methods_of
from quartapp.web.api.operations import Json, Operation
from quartapp.web.api.tokens import SCOPES


@pytest.fixture
def backend() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


@pytest.fixture
def operations(app: Quart) -> list[Operation]:
    found = [declared for _, declared in declared_routes(app)]
    assert len(found) > 25
    assert None not in found, "a route below /api/v1 is not declared"
    return [declared for declared in found if declared]


async def document(app: Quart) -> dict[str, Any]:
    answer = await app.test_client().get("/api/openapi.json")
    assert answer.content_type == "application/json"
    told: dict[str, Any] = await answer.get_json()
    return told


def of(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        yield from ((path, method, told) for method, told in methods.items())


def test_nobody_but_who_signs_in_comes_without_a_token(operations: list[Operation]) -> None:
    kinds: dict[str, set[str]] = {}
    for declared in operations:
        kinds.setdefault(declared.bearer, set()).add(declared.id)

    assert kinds.keys() == {"access", "refresh", "either", ""}
    assert (kinds[""], kinds["refresh"], kinds["either"]) == ({"signIn"}, {"refresh"}, {"revoke"})


async def test_without_a_token_no_route_says_more_than_that(app: Quart) -> None:
    for rule, declared in declared_routes(app):
        assert declared is not None
        if not declared.bearer:
            continue
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        for method in methods_of(rule):
            answer = await QuartClient(app).open(path, method=method)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_names_are_unique_and_scopes_are_known(operations: list[Operation]) -> None:
    ids = [declared.id for declared in operations]

    assert len(set(ids)) == len(ids)
    assert {scope for declared in operations for scope in declared.scopes} == set(SCOPES)


def test_what_changes_something_asks_for_a_scope_that_writes(app: Quart) -> None:
    for rule, declared in declared_routes(app):
        assert declared is not None
        if rule.rule.startswith(("/api/v1/me", "/api/v1/auth")):
            continue
        writes = set(methods_of(rule)) & {"POST", "PUT", "PATCH", "DELETE"}
        wanted = {"houses:write", "files:write", "admin"} if writes else {"houses:read", "admin"}
        assert set(declared.scopes) & wanted, rule.rule


def test_each_operation_tells_of_the_refusals_that_its_parts_can_give(
    operations: list[Operation],
) -> None:
    for declared in operations:
        refusals = declared.all_refusals()
        assert 503 in refusals
        assert (401 in refusals) == (declared.bearer != "" or declared.id == "signIn")
        assert (403 in refusals) == bool(declared.scopes)
        assert not set(refusals) & set(declared.answers)
        if isinstance(declared.body, Json):
            assert {400, 413, 415, 422} <= set(refusals)


async def test_the_document_describes_every_route(app: Quart, operations: list[Operation]) -> None:
    told = await document(app)

    assert told["openapi"] == "3.1.0"
    assert {each["operationId"] for _, _, each in of(told)} == {each.id for each in operations}
    for path, _, each in of(told):
        named = {p["name"] for p in each["parameters"] if p["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path))
        assert all(p["description"] for p in each["parameters"])
        assert each["summary"]
        assert all(response["description"] for response in each["responses"].values())


async def test_every_reference_of_the_document_leads_somewhere(app: Quart) -> None:
    told = await document(app)

    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            for each in part.values():
                yield from references(each)
        elif isinstance(part, list):
            for each in part:
                yield from references(each)

    found = set(references(told))
    assert len(found) > 15
    for reference in found:
        place = told
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


async def test_the_document_says_who_needs_which_scope(app: Quart) -> None:
    told = await document(app)

    security = {each["operationId"]: each["security"] for _, _, each in of(told)}
    assert security["signIn"] == []
    assert security["createHouse"] == [{"bearer": ["houses:write"]}]
    assert told["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


async def test_the_document_is_not_sent_again_to_who_has_it(app: Quart) -> None:
    first = await app.test_client().get("/api/openapi.json")
    headers = {"If-None-Match": first.headers["ETag"]}

    assert (await app.test_client().get("/api/openapi.json", headers=headers)).status_code == 304


async def test_the_page_shows_the_document_with_files_of_this_host_alone(app: Quart) -> None:
    client = app.test_client()
    page = await (await client.get("/api/docs")).get_data(as_text=True)

    assert not re.search(r"(src|href)=\"(?!/)", page)
    assert "<script>" not in page
    assert "style=" not in page
    for address in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert (await client.get(address)).status_code == 200, address
    for other in ("oauth2-redirect.html", "swagger-ui.js", "../core.py", "none"):
        assert (await client.get(f"/api/docs/{other}")).status_code == 404


def test_no_part_of_the_api_imports_another() -> None:
    names = {part.__name__ for part in (*PARTS, docs)}
    for part in PARTS:
        source = Path(str(part.__file__)).read_text(encoding="utf-8")
        imported = set(re.findall(r"quartapp\.web\.api\.\w+", source))
        assert not imported & names, part.__name__
