"""One line in the log for each request, when it has ended, and its place in the metrics."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Iterable
from typing import Any, Final, cast

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGIReceiveEvent,
    ASGISendCallable,
    Scope,
)

from quartapp.telemetry import metrics
from quartapp.telemetry.event import Event
from quartapp.web.seen import Seen, seen_in

HUNG_UP: Final = 499  # of a client that was gone before its answer began, as proxies write it
LONGEST_PATH: Final = 200  # characters
SWITCHED: Final = 101  # of a websocket that was taken
NO_CODE: Final = 1005  # of one that was closed without a word why (RFC 6455, 7.4.1)
WEBSOCKET: Final = "WEBSOCKET"  # in the place of a method

_log = logging.getLogger("quartapp.requests")


class Observed:
    """Tells of each request how it went: never a query, a header, a cookie or a body.

    A websocket is told of at its end. Failures (5xx) are warnings.
    """

    def __init__(self, app: ASGIFramework) -> None:
        self.app = app

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        seen = seen_in(scope)  # here, so that it is found here again
        course = _Course(scope, receive, send)
        try:
            await self.app(scope, course.receive, course.send)
        except Exception as error:
            course.error = type(error).__name__
            raise
        finally:
            seconds, status = time.perf_counter() - course.began, course.whole_status
            metrics.request_ended(course.method, seen.route, status, seconds)
            level = logging.WARNING if status >= 500 else logging.INFO
            if _log.isEnabledFor(level):
                _log.log(level, _told(scope, seen, course, seconds))


class _Course:
    """How one request goes on."""

    __slots__ = (
        "_headers",
        "_receive",
        "_send",
        "began",
        "code",
        "ended",
        "error",
        "gone",
        "method",
        "sent",
        "status",
    )

    def __init__(self, scope: Any, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        self.method: str = WEBSOCKET if scope["type"] == "websocket" else scope["method"]
        self._receive = receive
        self._send = send
        self.began = time.perf_counter()
        self.status = 0  # nothing was answered yet
        self._headers: Iterable[tuple[bytes, bytes]] = ()
        self.sent = 0  # bytes
        self.ended = False
        self.gone = False
        self.code: int | None = None  # with which a websocket was closed
        self.error = ""

    async def receive(self) -> ASGIReceiveEvent:
        event = await self._receive()
        if event["type"] == "http.disconnect":
            self.gone = not (self.ended or self._is_whole())
        elif event["type"] == "websocket.disconnect":
            self._closed(cast(dict[str, Any], event).get("code", NO_CODE))
        return event

    def _is_whole(self) -> bool:
        """Whether all was sent that was announced: who is heard out may go with that."""
        return any(name == b"content-length" and self.sent >= int(v) for name, v in self._headers)

    def _closed(self, code: int) -> None:
        """Note that a websocket's client has closed it, unless it was refused or closed before."""
        if self.status == SWITCHED and self.code is None:
            self.code = code
        elif not self.status:
            self.gone = self.code is None

    def send(self, event: Any) -> Awaitable[None]:
        # Noted before it is sent: the client may go as soon as it has all.
        kind = event["type"]
        if kind == "http.response.body":
            self.sent += len(event.get("body", b""))
            self.ended = not event.get("more_body", False)
        elif kind in {"http.response.start", "websocket.http.response.start"}:
            self.status = event["status"]
            self._headers = event["headers"]
        elif kind == "websocket.accept":
            self.status = SWITCHED
        elif kind == "websocket.close":
            self.code = event.get("code", 1000)
        return self._send(event)

    @property
    def whole_status(self) -> int:
        """The status that stands for all of it; of what was never answered the next best one."""
        if self.status:
            return self.status
        if self.code is not None:
            return 403  # a websocket that was not taken
        return HUNG_UP if self.gone else 500


def _told(scope: Any, seen: Seen, course: _Course, seconds: float) -> Event:
    """The line of a request."""
    fields: dict[str, object] = {
        "method": course.method,
        "route": seen.route,
        "path": scope["path"][:LONGEST_PATH],
        "status": course.whole_status,
        "ms": round(seconds * 1000, 1),
        "bytes": course.sent,
        "user": seen.user,
        "client": (scope.get("client") or ("",))[0],
    }
    if course.gone:
        fields["hung_up"] = True
    if course.code is not None:
        fields["code"] = course.code
    if course.error:
        fields["error"] = course.error
    return Event("request", fields)
