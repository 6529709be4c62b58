"""What the log tells of requests and of the accounts, and that it keeps their secrets."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from quart import Quart, websocket

from quartapp.serve.prepare import prepare_database
from quartapp.settings import load_settings
from quartapp.telemetry.logs import JsonLines
from quartapp.testing import MakeUser, User, api_client_for, sign_in, temporary_app
from quartapp.web.middleware.observed import Observed
from quartapp.web.middleware.request_id import RequestId
from tests.logged import Listener, remember, secret_in
from tests.serve.processes import Server, started

Line = dict[str, Any]

NEW = "quite another one 42"
SECRETS = {
    "QUARTAPP_SECRET_KEY": "of a house whose log is read by all",
    "QUARTAPP_JWT_SECRET_KEY": "and of the tokens that it gives away",
}


class Lines(logging.Handler):
    """The lines of the application, as production writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.all: list[Line] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.all.append(json.loads(self.format(record)))

    def of(self, logger: str) -> list[Line]:
        """The lines of one logger, which are forgotten by that."""
        found = [line for line in self.all if line["logger"] == f"quartapp.{logger}"]
        self.all = []
        return found

    def events(self) -> list[tuple[str, object]]:
        """The events so far, each with the account that it is about."""
        return [(line["event"], line.get("user")) for line in self.of("security")]


@pytest.fixture
def backend() -> str:
    """What is logged does not depend on the database."""
    return "sqlite"


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The lines that are written from now on."""
    handler, logger = Lines(), logging.getLogger("quartapp")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)


async def test_a_request_is_one_line_that_is_found_by_the_id_in_the_answer(
    app: Quart, user: User, lines: Lines
) -> None:
    browser = await sign_in(app, user)
    api = await api_client_for(app, user)
    lines.all.clear()

    page = await browser.get("/houses?search=what+nobody+may+know")
    missing = await api.get("/api/v1/houses/123?secret=hidden", headers={"X-Request-ID": "mine"})
    nowhere = await app.test_client().get("/" + "x%0a" * 200)

    one, two, three = lines.of("requests")
    assert {name: one[name] for name in ("event", "method", "route", "path", "status", "user")} == {
        "event": "request",
        "method": "GET",
        "route": "/houses",
        "path": "/houses",
        "status": 200,
        "user": str(user.id),
    }
    assert one["request_id"] == page.headers["X-Request-ID"]
    assert one["bytes"] == len(await page.get_data(as_text=False))
    assert one["ms"] > 0
    assert (two["route"], two["user"]) == ("/api/v1/houses/<house:house_id>", str(user.id))
    assert two["request_id"] == (await missing.get_json())["request_id"] != "mine"
    assert (three["route"], three["status"], len(three["path"])) == ("", nowhere.status_code, 200)
    assert "know" not in str(one)
    assert "hidden" not in str(two)


async def test_probes_have_no_lines(app: Quart, lines: Lines) -> None:
    for path in ("/livez", "/readyz"):
        await app.test_client().get(path)
    assert lines.of("requests") == []


async def test_a_failure_is_a_warning_and_its_exception_has_the_same_id(lines: Lines) -> None:
    async with temporary_app() as app:

        @app.get("/broken/<number>")
        async def broken(number: str) -> str:
            raise RuntimeError("cannot do it")

        answer = await app.test_client().get("/broken/1")

    (failure,) = [line for line in lines.all if line.get("exception")]
    (request,) = lines.of("requests")
    assert (request["level"], request["status"]) == ("warning", 500)
    assert request["route"] == "/broken/<number>"
    assert "cannot do it" in failure["exception"]
    assert failure["request_id"] == request["request_id"] == answer.headers["X-Request-ID"]


async def ask(app: Any, *received: dict[str, Any], kind: str = "http", **scope: Any) -> list[Any]:
    """Ask an ASGI application; what it sent."""
    incoming, sent = list(received), []

    async def receive() -> dict[str, Any]:
        return incoming.pop(0) if incoming else await asyncio.Future()

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    given = {"type": kind, "path": "/", "headers": [], "client": ("192.0.2.7", 1)}
    await app(given | ({"method": "GET"} if kind == "http" else {}) | scope, receive, send)
    return sent


START = {"type": "http.response.start", "status": 200, "headers": []}


async def test_a_client_that_hung_up_is_told_as_such(lines: Lines) -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/half":
            await send(START)
            await send({"type": "http.response.body", "body": b"1234", "more_body": True})
        await receive()

    for path in ("/", "/half"):
        await ask(Observed(slow), {"type": "http.disconnect"}, path=path)

    before, half = lines.of("requests")
    assert (before["status"], before["hung_up"]) == (499, True)
    assert (half["status"], half["hung_up"], half["bytes"]) == (200, True, 4)


async def test_a_client_that_goes_after_the_answer_did_not_hang_up(lines: Lines) -> None:
    async def quick(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        await receive()

    await ask(Observed(quick), {"type": "http.disconnect"})

    (line,) = lines.of("requests")
    assert (line["status"], "hung_up" in line, line["client"]) == (200, False, "192.0.2.7")


@pytest.mark.parametrize(("length", "hung_up"), [(b"4", False), (b"5", True)])
async def test_a_client_that_is_heard_out_and_goes_with_the_whole_answer_did_not_hang_up(
    length: bytes, hung_up: bool, lines: Lines
) -> None:
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await send(START | {"status": 503, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": b"full", "more_body": True})
        await receive()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    await ask(Observed(refuse), {"type": "http.disconnect"})

    (line,) = lines.of("requests")
    assert (line["status"], line.get("hung_up", False)) == (503, hung_up)


async def test_what_escapes_the_application_is_told_and_raised(lines: Lines) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise OSError("no paper")

    with pytest.raises(OSError, match="no paper"):
        await ask(Observed(broken))

    (line,) = lines.of("requests")
    assert (line["status"], line["error"], line["level"]) == (500, "OSError", "warning")


async def test_a_websocket_is_one_line_at_its_end(lines: Lines) -> None:
    async with temporary_app() as app:

        @app.websocket("/echo/<name>")
        async def echo(name: str) -> None:
            await websocket.send(await websocket.receive())

        async with app.test_client().websocket("/echo/me?token=hidden") as connection:
            await connection.send("hello")
            assert await connection.receive() == "hello"
            assert lines.of("requests") == []

    (line,) = lines.of("requests")
    assert (line["method"], line["route"], line["status"]) == ("WEBSOCKET", "/echo/<name>", 101)
    assert "hidden" not in str(line)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ([b"a.B-9_"], True),
        ([b"x" * 128], True),
        ([b"x" * 129], False),
        ([b""], False),
        ([b"two words"], False),
        ([b"a\nb"], False),
        ([b"one", b"two"], False),
        ([], False),
    ],
)
async def test_a_trusted_proxy_names_the_request_and_nobody_else(
    given: list[bytes], taken: bool
) -> None:
    async def named(scope: Any, receive: Any, send: Any) -> None:
        await send(START)

    headers = [(b"X-Request-Id", value) for value in given]
    names = []
    for proxied in (True, False):
        scope: dict[str, Any] = {"headers": headers, "quartapp.proxied": proxied}
        (start,) = await ask(RequestId(named), **scope)
        names.append(dict(start["headers"])[b"x-request-id"])

    assert (names[0] in given) is taken
    assert names[1] not in given


async def test_sign_ins_and_their_refusals_are_events(
    app: Quart, make_user: MakeUser, lines: Lines
) -> None:
    user, root = await make_user(), await make_user(admin=True)
    client = app.test_client()

    async def enter(name: str, password: str) -> Line:
        form = {"username": name, "password": password}
        await client.post("/login", form=form, scope_base={"client": ("192.0.2.7", 1)})
        (line,) = lines.of("security")
        return line

    typed = "My password 1, in the wrong field"
    unknown, again = await enter(typed, "x"), await enter(typed, "y")
    assert (unknown["event"], unknown["reason"]) == ("sign-in.refused", "unknown")
    assert unknown["name"] == again["name"] != (await enter("another", "x"))["name"]
    assert typed not in str(unknown)
    wrong = await enter(user.username, "wrong")
    assert (wrong["reason"], wrong["user"], "name" in wrong) == ("wrong", user.id, False)
    accepted = await enter(user.username, user.password)
    assert (accepted["event"], accepted["user"]) == ("sign-in.accepted", user.id)
    assert (accepted["level"], wrong["level"]) == ("info", "warning")
    assert accepted["client"] == "192.0.2.7"

    await client.post("/logout")
    await client.post("/logout", headers={"Origin": "https://elsewhere.example"})
    assert lines.events() == [("sign-out", user.id), ("cross-site.refused", None)]

    boss = await sign_in(app, root)
    lines.all.clear()
    await boss.post(f"/people/{user.id}/disable")
    (disabled,) = lines.of("security")
    assert (disabled["event"], disabled["user"]) == ("account.disabled", user.id)
    assert disabled["by"] == str(root.id)
    assert (await enter(user.username, user.password))["reason"] == "disabled"


async def test_what_is_done_to_accounts_and_sessions_is_an_event(
    app: Quart, make_user: MakeUser, lines: Lines
) -> None:
    user, root = await make_user(), await make_user(admin=True)
    boss, api = await sign_in(app, root), await api_client_for(app, root)
    mine = await sign_in(app, user)
    lines.all.clear()

    made = {"username": "new", "password": NEW}
    await api.post("/api/v1/people", json=made | {"admin": True})
    await boss.post("/people", form=made | {"username": "newer"})
    assert [(line["event"], line["admin"]) for line in lines.of("security")] == [
        ("account.created", True),
        ("account.created", False),
    ]
    for answer in (
        await mine.post("/account/password", form={"current": "wrong", "new": NEW, "repeat": NEW}),
        await mine.post(
            "/account/password", form={"current": user.password, "new": NEW, "repeat": NEW}
        ),
        await mine.post("/account/sessions/end-others"),
        await boss.post(f"/people/{user.id}/admin", form={"admin": "on"}),
        await boss.post(f"/people/{user.id}/password", form={"password": NEW}),
        await boss.post(f"/people/{user.id}/sessions/end"),
        await boss.post(f"/people/{user.id}/enable"),
        await api.patch(f"/api/v1/people/{user.id}", json={"disabled": True, "password": NEW}),
        await api.delete(f"/api/v1/people/{user.id}/sessions"),
        await api.put("/api/v1/me/password", json={"current": root.password, "new": NEW}),
    ):
        assert answer.status_code < 500

    assert lines.events() == [
        ("password.refused", user.id),
        ("password.changed", user.id),
        ("sessions.revoked", user.id),
        ("account.role-changed", user.id),
        ("password.changed", user.id),
        ("sessions.revoked", user.id),
        ("account.enabled", user.id),
        ("password.changed", user.id),
        ("account.disabled", user.id),
        ("sessions.revoked", user.id),
        ("password.changed", root.id),
    ]


async def test_what_is_done_to_tokens_is_an_event(app: Quart, user: User, lines: Lines) -> None:
    form = {"username": user.username, "password": user.password}

    async def ask_with(token: str, path: str) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        return await app.test_client().post(f"/api/v1/auth/{path}", headers=headers)

    answer = await app.test_client().post("/api/v1/auth/sign-in", json=form)
    first = await answer.get_json()
    second = await (await ask_with(first["refresh_token"], "refresh")).get_json()
    third = await (await ask_with(second["refresh_token"], "refresh")).get_json()
    await ask_with(first["refresh_token"], "refresh")
    assert third["access_token"]
    assert lines.events() == [("sign-in.accepted", user.id), ("token.reused", str(user.id))]

    answer = await app.test_client().post("/api/v1/auth/sign-in", json=form)
    tokens = await answer.get_json()
    lines.all.clear()
    await ask_with(tokens["access_token"], "revoke")
    await ask_with(tokens["refresh_token"], "revoke")
    assert lines.events() == [("token.revoked", user.id), ("sign-out", user.id)]


def send(server: Server, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
    """Send something on a connection of its own; the status, and the JSON that came."""
    connection = server.connect()
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST" if body else "GET", path, body or None, named)
        answer = connection.getresponse()
        text = answer.read()
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return answer.status, json.loads(text) if is_json else text.decode()
    finally:
        connection.close()


def test_every_line_of_a_server_in_production_is_an_object_and_tells_no_secret(
    tmp_path: Path,
) -> None:
    house = load_settings(_env_file=None, instance_path=tmp_path, database_url="")
    asyncio.run(prepare_database(house))  # with the rows of the demo
    command = ("-m", "quartapp", "serve", "--bind", "127.0.0.1:0")
    env = SECRETS | {"QUARTAPP_ENV": "production", "QUARTAPP_LOG_LEVEL": "info"}
    form, account = "application/x-www-form-urlencoded", b"username=admin&password=123456"
    with started(*command, instance=tmp_path, **env) as server:
        server.until_ready()
        typed = b"username=typed+by+mistake&password=typed+too"
        send(server, "/login?next=hidden+query", typed, Content_Type=form, Cookie="x=hidden")
        assert send(server, "/login", account, Content_Type=form)[0] == 303
        _, tokens = send(server, "/api/v1/auth/sign-in", account, Content_Type=form)
        bearer = f"Bearer {tokens['refresh_token']}"
        _, new = send(server, "/api/v1/auth/refresh", b" ", Authorization=bearer)
        assert send(server, "/api/v1/me?token=hidden", Authorization=bearer)[0] == 401
        status, _ = server.stop()

    assert (status, server.out) == (0, [])
    found = [json.loads(line) for line in server.err]
    assert all({"time", "level", "logger", "event", "pid"} <= line.keys() for line in found)
    events = [line["event"] for line in found if line["logger"] == "quartapp.security"]
    assert events == ["sign-in.refused", "sign-in.accepted", "sign-in.accepted"]
    assert sum(line["event"] == "request" for line in found) == 5
    assert "quartapp.serve" in {line["logger"] for line in found}
    given = [*tokens.values(), *new.values(), *SECRETS.values(), "123456", "typed", "hidden", "eyJ"]
    for secret in given:
        assert not isinstance(secret, str) or len(secret) < 6 or secret not in server.errors


def test_every_event_stands_in_the_how_to() -> None:
    top = Path(__file__).parents[2]
    page = (top / "docs" / "how-to" / "read-the-logs.md").read_text()
    name = re.compile(
        r'"(sign-out|(?:sign-in|sessions?|token|password|account|cross-site)\.[a-z-]+)"'
    )
    sources = [path.read_text() for path in (top / "quartapp" / "web").rglob("*.py")]
    found = {each for text in sources if "security(" in text for each in name.findall(text)}
    assert len(found) >= 14
    assert {event for event in found if f"`{event}`" not in page} == set()


@pytest.mark.parametrize(
    "text",
    [
        "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "row $argon2id$v=19$m=1024",
        "Set-Cookie: quartapp_session=1",
        "quartapp_session=ImFiYzEyMyI.aSJkVA.AbC1dEfGhIjKlMnOpQrStUvWxYz0123456",
        "typed: one that was mistyped 1",
        "said 123456, again",
    ],
)
def test_whoever_listens_to_the_whole_suite_hears_a_secret(text: str) -> None:
    remember("one that was mistyped 1")
    listener = Listener()
    listener.handle(logging.makeLogRecord({"name": "quartapp", "msg": "%s", "args": (text,)}))
    listener.handle(logging.makeLogRecord({"name": "quartapp", "msg": "nothing of interest"}))
    assert len(listener.found) == 1
    assert secret_in(text)
