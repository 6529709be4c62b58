"""Targets and hosts of every shape: refused or read, never a failure."""

from __future__ import annotations

import json

import pytest
from quart import Quart

from tests.web.wire import speak

HELLO = "/lessons/hello/flask"
EMPTY = [".", "..", "a..b", ".a"]
LONG = ["a" * 64, ".".join(["a" * 60] * 5)]


@pytest.mark.parametrize("target", ["http://[", "http://[::1", "//[", "[", "http://a]b/"])
async def test_a_target_that_cannot_be_read_is_no_failure(target: str, app: Quart) -> None:
    heard = await speak(app, target, [], content_type="text/plain", method="GET")
    assert heard.status in {308, 400, 404}
    assert heard.body


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (f"http://localhost{HELLO}", 200),
        ("http://localhost", 200),
        ("http://localhost/nowhere", 404),
        ("nowhere", 404),
        ("*", 404),
    ],
)
async def test_a_target_that_is_a_whole_address_is_read(
    target: str, status: int, app: Quart
) -> None:
    heard = await speak(app, target, [], content_type="text/plain", method="GET")
    assert heard.status == status


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:5000", "[::1]:80", "a_b", "a.b-c:", "", "a.b."]
)
async def test_a_proper_host_is_served(host: str, app: Quart) -> None:
    heard = await speak(app, HELLO, [], content_type="text/plain", method="GET", host=host.encode())
    assert heard.status == 200


@pytest.mark.parametrize(
    "host", ["a b", "é", "[::1", "a:b", "a/b", "a@b", "a:123456", "a\x00", *EMPTY, *LONG]
)
async def test_a_malformed_host_is_refused(host: str, app: Quart) -> None:
    heard = await speak(app, HELLO, [], content_type="text/plain", method="GET", host=host.encode())
    assert heard.status == 400
    assert b"message" in heard.body


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        (8191 - len(HELLO), 0, 200),
        (8192 - len(HELLO), 0, 414),
        (0, 99, 431),
        (0, 90, 200),
    ],
)
async def test_a_head_may_be_so_large_and_no_larger(
    query: int, headers: int, status: int, app: Quart
) -> None:
    heard = await speak(
        app,
        HELLO,
        [],
        content_type="text/plain",
        method="GET",
        query=b"a" * query,
        sent=[(f"x-{number}", "y") for number in range(headers)],
    )
    assert heard.status == status


async def test_programs_are_told_so_by_a_problem(app: Quart) -> None:
    address = "/api/v1/" + "a" * 9000
    heard = await speak(app, address, [], content_type="text/plain", method="GET")
    problem = json.loads(heard.body)
    assert heard.headers["content-type"] == "application/problem+json"
    assert (problem["status"], problem["code"]) == (414, "request-uri-too-long")
    assert problem["request_id"] == heard.headers["x-request-id"]
