"""The same page of a small table and of a large one: what it costs more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from statistics import median
from time import perf_counter
from urllib.parse import quote, urlsplit

from benchmarks import client
from benchmarks.bench import Bench, api_token
from benchmarks.results import Figure, Result, Target, ratios
from benchmarks.rows import Rows
from benchmarks.servers import FASTAPI, FLASK, OURS, Server
from benchmarks.workloads.houses_page import API, LESSON

STEP = 100  # houses at once on the way to the middle
PAGES = {
    "first": "page of houses, 1,000,000 rows / 1,000, first",
    "deep": "page of houses, 1,000,000 rows / 1,000, deep by cursor",
    "by name": "page of houses, 1,000,000 rows / 1,000, by name",
}


def run(bench: Bench) -> Result:
    """Ask for the first page, one deep in, and one by name, one after the other."""
    few, many = bench.rows(bench.scale.few), bench.rows(bench.scale.many)
    found = Result("many-rows", "Page of houses: large table / small table")
    kinds = (OURS, FLASK, FASTAPI)
    with (
        bench.servers(*kinds, houses=few.count) as small,
        bench.servers(*kinds, houses=many.count) as large,
    ):
        pages = {small[0]: _pages(small[0], few), large[0]: _pages(large[0], many)}
        for page, name in PAGES.items():
            times = _times(bench, pages, page)
            slower = ratios(times[large[0]], times[small[0]])
            found.figures.append(Figure(OURS.name, f"GET {API}, {page}", "x", slower, True))
            found.targets.append(Target(name, slower, 1.5, 1.1, less_is_better=True))
        asked = {"first": client.posted(LESSON, {"page": 1, "size": 20})}
        for one, other in zip(small, large, strict=True):
            times = _times(bench, {one: asked, other: asked}, "first")
            slower = ratios(times[other], times[one])
            found.figures.append(Figure(one.name, f"POST {LESSON}", "x", slower, True))
    return found


def _pages(server: Server, rows: Rows) -> Mapping[str, bytes]:
    """The requests for three pages; the deep one is in the middle, found as a client would."""
    token = api_token(server)
    deep = asyncio.run(_middle(server.port, token, rows.count))
    return {
        "first": client.request("GET", API, token=token),
        "deep": client.request("GET", deep, token=token),
        "by name": client.request("GET", f"{API}?name={quote(rows.a_name)}", token=token),
    }


async def _middle(port: int, token: str, count: int) -> str:
    """The address of a page as long as the first, behind half of the houses."""
    connection = await client.Connection.open(port)
    path = f"{API}?cursor=&size={STEP}"
    for _ in range(count // 2 // STEP):
        _, body = await connection.ask(client.request("GET", path, token=token))
        parts = urlsplit(json.loads(body)["next"])
        path = f"{parts.path}?{parts.query}"
    connection.close()
    return path.replace(f"size={STEP}", "size=20")


def _times(
    bench: Bench, pages: Mapping[Server, Mapping[str, bytes]], page: str
) -> dict[Server, Figure]:
    """How long a page takes, in milliseconds; the two servers take turns."""
    figures = bench.in_turns(
        list(pages),
        lambda server: asyncio.run(_median(server.port, pages[server][page], bench.scale.asked)),
        name=page,
        unit="ms",
        less_is_better=True,
    )
    return dict(zip(pages, figures, strict=True))


async def _median(port: int, asked: bytes, count: int) -> float:
    connection = await client.Connection.open(port)
    times = []
    for _ in range(count):
        begin = perf_counter()
        status, body = await connection.ask(asked)
        times.append(perf_counter() - begin)
        if status != 200:
            raise RuntimeError(f"a page was answered {status}: {body[:500]!r}")
    connection.close()
    return median(times) * 1000
