"""Play scenarios against a WSGI or an ASGI application, byte for byte as a server would.

Neither framework's own test client is used: they quote addresses and follow cookies
each in its own way, and the comparison wants both sides to see the same request.
"""

import asyncio
import io
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urljoin

from flask import Flask
from werkzeug.test import run_wsgi_app

from tests.lessons.originals.memory import Memory, SetCookie
from tests.lessons.originals.scenario import Scenario, Step

HOST = "localhost"


@dataclass(frozen=True)
class Request:
    """What goes over the wire."""

    method: str
    target: str  # as in the request line: percent-encoded, with the query string
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def raw_path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    request: Request
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        """Return a header that comes at most once."""
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def cookies(self) -> list[SetCookie]:
        return [SetCookie.parse(header) for header in self.all("Set-Cookie")]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def is_json(self) -> bool:
        return (self.one("Content-Type") or "").partition(";")[0].strip().endswith("json")

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def url(self) -> str:
        return f"http://{HOST}{self.request.target}"

    def resolve(self, link: str) -> str:
        """Return where a link on this answer leads, without the host if it is ours."""
        here = f"http://{HOST}"
        if link.startswith("/") and not link.startswith("//"):
            return link  # urljoin would take the dots out of /guest/..
        return (link if link.startswith(here) else urljoin(self.url, link)).removeprefix(here)


Send = Callable[[Request], Awaitable[Answer]]


async def play(scenario: Scenario, memory: Memory, send: Send) -> list[Answer]:
    """Play the steps in their order, and return what came back."""
    answers = []
    for step in scenario.steps:
        request = _request(step, memory)
        answer = await send(request)
        if not step.fresh:
            memory.jar.see(answer.all("Set-Cookie"))
        for key, kind in step.keep.items():
            memory.kept[key] = _kept(answer, key, kind)
        answers.append(answer)
    return answers


def play_on_flask(app: Flask, scenario: Scenario, memory: Memory) -> list[Answer]:
    """Play a scenario on an original."""

    async def send(request: Request) -> Answer:
        return to_wsgi(app, request)

    # Nothing in there ever waits, so no event loop is needed (and none is blocked).
    playing = play(scenario, memory, send)
    try:
        playing.send(None)
    except StopIteration as done:
        answers: list[Answer] = done.value
        return answers
    raise AssertionError("playing on Flask waited for something")


def to_wsgi(app: Flask, request: Request) -> Answer:
    """Send one request to a WSGI application."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.raw_path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "REQUEST_URI": request.target,
        "SERVER_NAME": HOST,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        environ[key] = _wire(value).decode("latin-1")
    chunks, status, headers = run_wsgi_app(app, environ, buffered=True)
    return _answer(request, int(status.split()[0]), headers, b"".join(chunks))


async def to_asgi(app: Any, request: Request) -> Answer:
    """Send one request to an ASGI application, with the scope that hypercorn makes of it."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.raw_path),
        "raw_path": request.raw_path.encode("ascii"),
        "query_string": request.query.encode("ascii"),
        "root_path": "",
        "headers": [(key.lower().encode(), _wire(value)) for key, value in request.headers],
        "client": ("127.0.0.1", 50000),
        "server": (HOST, 80),
        "state": {},
        "extensions": {},
    }
    left = [{"type": "http.request", "body": request.body, "more_body": False}]
    answered = asyncio.Event()
    status = 0
    headers: list[tuple[str, str]] = []
    chunks: list[bytes] = []

    async def receive() -> dict[str, Any]:
        if left:
            return left.pop()
        await answered.wait()  # the client stays until it has its answer
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            headers.extend(
                (key.decode("latin-1"), value.decode("latin-1"))
                for key, value in message["headers"]
            )
        elif message["type"] == "http.response.body":
            chunks.append(bytes(message.get("body", b"")))
            if not message.get("more_body"):
                answered.set()

    async with asyncio.timeout(30):
        await app(scope, receive, send)
    return _answer(request, status, headers, b"".join(chunks))


def _answer(
    request: Request, status: int, headers: Iterable[tuple[str, str]], body: bytes
) -> Answer:
    # Servers send no body after HEAD, whatever the application does.
    return Answer(request, status, tuple(headers), b"" if request.method == "HEAD" else body)


def _request(step: Step, memory: Memory) -> Request:
    path = step.path if isinstance(step.path, str) else step.path(memory)
    target = (path or "/") if step.whole_path else memory.mount + path
    headers = {"Host": HOST}
    headers |= {
        key: value if isinstance(value, str) else value(memory)
        for key, value in step.headers.items()
    }
    cookies = "" if step.fresh else memory.jar.header(target.partition("?")[0])
    if cookies:
        headers.setdefault("Cookie", cookies)
    if step.body is not None:
        headers.setdefault("Content-Length", str(len(step.body)))
    return Request(step.method, target, tuple(headers.items()), step.body or b"")


def _wire(value: str) -> bytes:
    # Bytes that are no UTF-8 stand in the table as surrogates.
    return value.encode("utf-8", "surrogateescape")


def _kept(answer: Answer, key: str, kind: str) -> str:
    # What is not there is kept as nothing: the comparison says what was wrong with the answer.
    if kind == "json":
        try:
            return str(answer.json()[key])
        except (ValueError, KeyError, TypeError):
            return ""
    if kind == "header":
        return answer.one(key) or ""
    found = re.search(r'<script[^>]*\ssrc="([^"]*static\.js[^"]*)"', answer.text)
    return answer.resolve(found[1]) if found else ""
