"""A span for each request, named by its route; nothing that a client sent is written down."""

from __future__ import annotations

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    HTTPScope,
    Scope,
)
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind

from quartapp.telemetry.metrics import METHODS
from quartapp.telemetry.traces import Traces, failed, remote_parent
from quartapp.web.request_id import KEY as REQUEST_ID
from quartapp.web.seen import seen_in

PROXIED = "quartapp.proxied"  # in the scope of a request by a proxy that is trusted
OTHER = "_OTHER"  # what the conventions call a method that nobody knows


class Traced:
    """Traces HTTP requests; goes on with the trace of a trusted proxy, and of nobody else.

    Anybody else could have every request of theirs recorded.
    """

    def __init__(self, app: ASGIFramework, traces: Traces) -> None:
        self.app = app
        self._traces = traces

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen = seen_in(scope)  # before anybody further in works on a copy of the scope
        method = scope["method"] if scope["method"] in METHODS else OTHER
        with self._traces.tracer.start_as_current_span(
            method,
            context=_parent(scope),
            kind=SpanKind.SERVER,
            attributes={
                "http.request.method": method,
                "url.scheme": scope["scheme"],
                "network.protocol.version": scope["http_version"],
                "quartapp.request_id": str(scope.get(REQUEST_ID, "")),
            },
            record_exception=False,  # an error may quote a value
            set_status_on_exception=False,
        ) as span:

            async def noted(event: ASGISendEvent) -> None:
                if event["type"] == "http.response.start":
                    _note_status(span, event["status"])
                await send(event)

            try:
                await self.app(scope, receive, noted)
            except Exception:
                failed(span)
                raise
            finally:
                if seen.route:
                    span.set_attribute("http.route", seen.route)
                    span.update_name(f"{method} {seen.route}")


def _parent(scope: HTTPScope) -> Context:
    return remote_parent(scope["headers"] if scope.get(PROXIED) else ())


def _note_status(span: Span, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        failed(span)
