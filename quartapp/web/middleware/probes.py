"""`/livez` and `/readyz`: what supervisors and proxies ask, answered before the framework."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    HTTPScope,
    Scope,
)

from quartapp.core.errors import Degraded, NotReady
from quartapp.web.middleware import bodies

LIVE = "/livez"
READY = "/readyz"
LIMIT = 2.0  # seconds that a check may take
PERIOD = 1.0  # seconds for which the results of a round are told again: nobody asks more by asking
RETRY_AFTER = 2  # seconds

# Awaited for a sign that one thing works. Raises NotReady with a reason that anybody may read, or
# Degraded, if requests can be answered all the same.
Check = Callable[[], Awaitable[None]]
Result = dict[str, Any]

_log = logging.getLogger("quartapp.probes")


class Probes:
    """Answers both paths itself, and hands on everything else.

    `/livez` touches nothing: this process runs. `/readyz` is 503 if one of the `checks` says that
    it is not ready or the process is `stopping`, else 200; in both cases JSON tells each result
    and the milliseconds that it took. Checks may be added to the mapping while it runs.
    """

    def __init__(
        self, app: ASGIFramework, checks: Mapping[str, Check], stopping: Callable[[], bool]
    ) -> None:
        self.app = app
        self._checks = checks
        self._stopping = stopping
        self._turn = asyncio.Lock()
        self._running: dict[str, asyncio.Task[Result]] = {}
        self._results: dict[str, Result] = {}
        self._told_at = float("-inf")
        self._was_ready = True

    def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> Awaitable[None]:
        if scope["type"] == "http" and scope["path"] in {LIVE, READY}:
            return self._tell(scope, receive, send)
        return self.app(scope, receive, send)

    async def _tell(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            await _answer(scope, receive, send, 405, b"", (b"allow", b"GET, HEAD"))
        elif scope["path"] == LIVE:
            await _answer(scope, receive, send, 200, b"ok\n", (b"content-type", b"text/plain"))
        else:
            await self._tell_whether_ready(scope, receive, send)

    async def _tell_whether_ready(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        results = await self._results_of_now()
        stopping = self._stopping()
        results = {"serving": _result(0.0, "is shutting down" if stopping else ""), **results}
        ready = not any(map(_is_in_the_way, results.values()))
        body = json.dumps({"ready": ready, "checks": results}).encode() + b"\n"
        headers = [(b"content-type", b"application/json")]
        if not ready:
            headers.append((b"retry-after", str(RETRY_AFTER).encode()))
        await _answer(scope, receive, send, 200 if ready else 503, body, *headers)

    async def _results_of_now(self) -> dict[str, Result]:
        """The results of a round that is at most PERIOD old; whoever comes meanwhile waits."""
        async with self._turn:
            if time.monotonic() >= self._told_at + PERIOD:
                self._results = await self._round()
                self._told_at = time.monotonic()
                self._log_a_change()
            return self._results

    async def _round(self) -> dict[str, Result]:
        """Run all checks side by side."""
        for name, check in self._checks.items():
            # One that does not even heed its end is not begun a second time.
            if name not in self._running or self._running[name].done():
                self._running[name] = asyncio.create_task(_run(check))
        done, late = await asyncio.wait(self._running.values(), timeout=LIMIT)
        for task in late:
            task.cancel()
        too_late = _result(LIMIT, f"has not answered within {LIMIT:g} s")
        return {
            name: task.result() if task in done and not task.cancelled() else too_late
            for name, task in self._running.items()
        }

    def _log_a_change(self) -> None:
        results = self._results.items()
        failed = [f"{name} {r['reason']}" for name, r in results if _is_in_the_way(r)]
        if failed and self._was_ready:
            _log.warning("not ready: %s", "; ".join(failed))
        elif not failed and not self._was_ready:
            _log.warning("ready again")
        self._was_ready = not failed


async def _run(check: Check) -> Result:
    began = time.perf_counter()
    reason = ""
    try:
        await check()
    except NotReady as error:
        reason = error.message
    except Degraded as error:
        return _result(time.perf_counter() - began, error.message) | {"needed": False}
    except Exception:
        _log.exception("a check failed in a way that it should not")
        reason = "failed"
    return _result(time.perf_counter() - began, reason)


def _result(seconds: float, reason: str) -> Result:
    result = {"ok": not reason, "ms": round(seconds * 1000, 1)}
    return result | {"reason": reason} if reason else result


def _is_in_the_way(result: Result) -> bool:
    return not result["ok"] and bool(result.get("needed", True))


async def _answer(
    scope: HTTPScope,
    receive: ASGIReceiveCallable,
    send: ASGISendCallable,
    status: int,
    body: bytes,
    *headers: tuple[bytes, bytes],
) -> None:
    length = (b"content-length", str(len(body)).encode())
    everywhere = [length, (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    await send(
        {"type": "http.response.start", "status": status, "headers": [*headers, *everywhere]}
    )
    await bodies.say(scope, receive, send, b"" if scope["method"] == "HEAD" else body)
