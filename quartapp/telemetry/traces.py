"""Traces for OpenTelemetry: where spans go, and a span for each statement.

Needs the extra `quartapp[traces]`. OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
OTEL_TRACES_SAMPLER, OTEL_BSP_* and OTEL_EXPORTER_OTLP_* mean what they mean everywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracer, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection, ExceptionContext

NAME = "quartapp"
FLUSH = 1.0  # seconds for the last spans: a collector that is away must not hold up the end
LONGEST = 2000  # characters of a statement
BUSY = "quartapp_span"  # in the info of a connection: the span of what it is at

_propagator = TraceContextTextMapPropagator()


class Traces:
    """Spans of one application, sent by OTLP over HTTP while it serves."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._sending: tuple[TracerProvider, OTLPSpanExporter] | None = None
        self.tracer: Tracer = NoOpTracer()

    async def start(self) -> None:
        """Begin to keep and send spans."""
        self._sending = provider, _ = await asyncio.to_thread(_provider, self._version)
        self.tracer = provider.get_tracer(NAME, self._version)
        for name, listener in self._listeners():
            event.listen(Engine, name, listener)  # of any: a database may change its own

    async def end(self) -> None:
        """Send what is left, for at most FLUSH seconds."""
        if self._sending is None:
            return
        for name, listener in self._listeners():
            event.remove(Engine, name, listener)
        (provider, exporter), self._sending = self._sending, None
        self.tracer = NoOpTracer()
        flushing = asyncio.create_task(asyncio.to_thread(provider.shutdown))
        _, late = await asyncio.wait([flushing], timeout=FLUSH)
        if late:
            exporter.shutdown()  # no more attempts
        await flushing

    def _listeners(self) -> tuple[tuple[str, Callable[..., None]], ...]:
        return (
            ("before_cursor_execute", self._begin),
            ("after_cursor_execute", _end),
            ("handle_error", _fail),
        )

    def _begin(
        self, connection: Connection, _cursor: object, statement: str, *_more: object
    ) -> None:
        """Make a span of a statement within a traced request, without its parameters."""
        if not trace.get_current_span().is_recording():
            return
        connection.info[BUSY] = self.tracer.start_span(
            statement.split(None, 1)[0].upper(),
            kind=SpanKind.CLIENT,
            attributes={
                "db.system.name": connection.dialect.name,
                "db.query.text": statement[:LONGEST],
            },
        )


def remote_parent(headers: Iterable[tuple[bytes, bytes]]) -> Context:
    """The trace that a request belongs to, by its headers (W3C Trace Context)."""
    carrier = {
        name.decode("latin-1").lower(): value.decode("latin-1")
        for name, value in headers
        if name.lower() in {b"traceparent", b"tracestate"}
    }
    return _propagator.extract(carrier, Context())


def failed(span: Span) -> None:
    """Mark a span as failed, without what an error says: it may quote a value."""
    span.set_status(Status(StatusCode.ERROR))


def _provider(version: str) -> tuple[TracerProvider, OTLPSpanExporter]:
    ours = Resource.create({SERVICE_NAME: NAME, SERVICE_VERSION: version})
    exporter = OTLPSpanExporter()
    provider = TracerProvider(
        resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider, exporter


def _end(connection: Connection, *_more: object) -> None:
    if (span := connection.info.pop(BUSY, None)) is not None:
        span.end()


def _fail(context: ExceptionContext) -> None:
    connection: Any = context.connection
    if connection is not None and (span := connection.info.pop(BUSY, None)) is not None:
        failed(span)
        span.end()
