"""wrk, for plain throughput; where it is not installed, the small generator of our own."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.client import HOST, closed_loop

SCRIPT = """
wrk.method = "{method}"
wrk.body = {body}
{headers}
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d %d %d\\n", summary.requests, summary.duration,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write,
    summary.errors.timeout, latency:percentile(50), latency:percentile(99)))
end
"""
TIMEOUT = "60s"


def found() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def throughput(
    port: int, asked: bytes, *, clients: int, seconds: float, core: int | None = None
) -> float:
    """Answers in a second, on connections that are kept.

    `core` binds the generator to one. Raises RuntimeError if any request fails.
    """
    if not found() or seconds < 1:  # wrk counts whole seconds
        sample = asyncio.run(closed_loop(port, asked, clients=clients, seconds=seconds))
        _only_answered(sample.statuses, sample.lost)
        return sum(sample.statuses.values()) / sample.elapsed
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        path = write_script(asked, Path(script.name))
        pinned = ["taskset", "-c", str(core)] if core is not None else []
        duration = round(seconds)
        options = ["-t", "1", "-c", str(clients), "-d", f"{duration}s", "--timeout", TIMEOUT]
        command = [*pinned, "wrk", *options, "-s", script.name, f"http://{HOST}:{port}{path}"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result = re.search(r"^RESULT (.*)$", output, re.MULTILINE)
    if result is None:
        raise RuntimeError(f"wrk said:\n{output}")
    requests, microseconds, refused, broken, late, _, _ = map(int, result[1].split())
    _only_answered(Counter({500: refused} if refused else {}), broken + late)
    return requests / microseconds * 1e6


def _only_answered(statuses: Counter[int], lost: int) -> None:
    wrong = {status: count for status, count in statuses.items() if not 200 <= status < 300}
    if wrong or lost:
        raise RuntimeError(f"not every request was answered: {wrong}, {lost} lost")


def write_script(asked: bytes, file: Path) -> str:
    """Write the request as wrk wants it; its path."""
    head, _, body = asked.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split()
    headers = dict(line.split(": ", 1) for line in lines)
    told = (
        f'wrk.headers["{name}"] = {_lua(value)}'
        for name, value in headers.items()
        if name not in {"Host", "Content-Length"}
    )
    file.write_text(
        SCRIPT.format(
            method=method, body=_lua(body.decode()) if body else "nil", headers="\n".join(told)
        ),
        encoding="utf-8",
    )
    return path


def _lua(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
