"""Traces of an application; needs the extra `quartapp[traces]`."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from hypercorn.typing import ASGIFramework
from quart import Quart

from quartapp import __version__
from quartapp.telemetry.traces import Traces
from quartapp.web.middleware.traced import Traced


def traced(app: Quart, inner: ASGIFramework) -> ASGIFramework:
    """What `inner` answers, traced while `app` serves, with a span for each statement."""
    traces = Traces(__version__)

    @app.while_serving
    async def send_spans() -> AsyncGenerator[None]:
        await traces.start()
        yield
        await traces.end()

    return Traced(inner, traces)
