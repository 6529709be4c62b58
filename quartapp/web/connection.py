"""One HTTP request between the server and the application, with no task and no send too many.

Quart's own runs the view in one task, listens to the client in another, and sends the end of an
answer by itself. Here the view runs in the server's task and takes the body in as it reads it.
Nobody listens to the client before that has taken some time, or has left a part of the body unread:
most answers are made by then. An answer that is in memory is sent with its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlsplit

import quart.wrappers
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from quart import Quart, Request, Response
from quart.debug import traceback_response
from quart.typing import ResponseTypes
from quart.wrappers.response import DataBody
from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response as WerkzeugResponse

from quartapp.web.client import Client
from quartapp.web.middleware import bodies
from quartapp.web.seen import note_route

NO_PATH = " "  # of a request that is not below where the application is mounted: 404

# What Quart raises from 0.23 on in a view that reads from a client who is gone.
_GONE = getattr(quart.wrappers, "ClientDisconnectedError", None)
_Gone: tuple[type[Exception], ...] = (_GONE,) if _GONE else ()


class Connection:
    """Answers one request. When its client hangs up, the view is cancelled."""

    def __init__(self, app: Quart, scope: HTTPScope) -> None:
        self.app = app
        self.scope = scope

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer."""
        request = self._request(send)
        body: Any = request.body
        task: Any = asyncio.current_task()
        client = Client(body, receive, task)
        try:
            await self._answer(request, client, send)
        except asyncio.CancelledError:
            if not client.is_gone or task.cancelling() > 1:  # by somebody else, too
                raise
        finally:
            note_route(self.scope, request.url_rule)
            if listener := client.hear_no_more():
                listener.cancel()
                await asyncio.wait([listener])
                del listener  # which an error that is on its way would keep
        if client.failure is not None:
            raise client.failure

    async def _answer(self, request: Request, client: Client, send: ASGISendCallable) -> None:
        try:
            response = await self.app.handle_request(request)
        except _Gone:
            return
        except Exception as error:
            if not self.app.debug and not self.app.testing:
                raise
            response = await traceback_response(error)
        if client.is_gone:  # and somebody has swallowed the cancellation
            return
        if not client.has_said_all and not bodies.has_none(self.scope):
            client.listen()  # while it is answered it may go on, and leave
        limit = self.app.config["RESPONSE_TIMEOUT"]
        if isinstance(response, Response) and response.timeout is not Ellipsis:
            limit = response.timeout
        client.answer_within(limit)
        await _send(send, response)

    def _request(self, send: ASGISendCallable) -> Request:
        scope, config = self.scope, self.app.config
        path, root_path = scope["path"], scope.get("root_path", "")
        path = path if path.startswith("/") else urlsplit(path).path
        if root := root_path.rstrip("/"):
            path = path.removeprefix(root) if path.startswith(f"{root}/") else NO_PATH
        headers = Headers()
        headers[:] = _decoded(scope)  # at once: each alone takes longer than all together
        if scope["http_version"] < "1.1":
            headers.setdefault("Host", config["SERVER_NAME"] or "")
        return self.app.request_class(
            scope["method"],
            scope["scheme"],
            path,
            scope["query_string"],
            headers,
            root_path,
            scope["http_version"],
            max_content_length=config["MAX_CONTENT_LENGTH"],
            body_timeout=config["BODY_TIMEOUT"],
            send_push_promise=partial(_promise, scope, send),
            scope=scope,
        )


def _decoded(scope: HTTPScope) -> Iterator[tuple[str, str]]:
    yield "Remote-Addr", str((scope.get("client") or ["<local>"])[0])
    for name, value in scope["headers"]:
        yield _title(name), value.decode("latin1")


@lru_cache(maxsize=256)
def _title(name: bytes) -> str:
    return name.decode("latin1").title()


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(_in_bytes(name), value.encode()) for name, value in headers]


@lru_cache(maxsize=256)
def _in_bytes(name: str) -> bytes:
    return name.lower().encode()


async def _send(send: ASGISendCallable, response: ResponseTypes) -> None:
    headers = _encoded(response.headers)
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    if isinstance(response, WerkzeugResponse):
        for chunk in response.response:
            await _send_part(send, chunk)
    elif isinstance(response.response, DataBody):
        whole = response.response
        data = whole.data[whole.begin : whole.end]
        await send({"type": "http.response.body", "body": data, "more_body": False})
        return
    else:
        async with response.response as chunks:
            async for chunk in chunks:
                await _send_part(send, chunk)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_part(send: ASGISendCallable, chunk: str | bytes) -> None:
    data = chunk.encode() if isinstance(chunk, str) else chunk
    await send({"type": "http.response.body", "body": data, "more_body": True})
    # Others run between two parts: a server takes what is sent to a client who is gone at once,
    # and for ever.
    await asyncio.sleep(0)


async def _promise(scope: HTTPScope, send: ASGISendCallable, path: str, headers: Headers) -> None:
    """Send what Request.send_push_promise asks for, where the server can."""
    if "http.response.push" in (scope.get("extensions") or {}):
        event: Any = {
            "type": "http.response.push",
            "path": path,
            "headers": _encoded(headers),
        }
        await send(event)
