"""Requests whose client hangs up, at any moment: nothing of them is left."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

from tests.serve.processes import Server, eventually
from tests.soak.growth import FEW_ARENAS, Growth
from tests.soak.house import WHO, descriptors, open_connections, serving, workers_beside_reserve
from tests.soak.row import Row
from tests.soak.scale import Scale
from tests.soak.visitor import HOST, Visitor

WORKERS = 1  # so that all that is left is left there
CLIENTS = 16
LONGEST = 0.05  # seconds from the last byte that was sent to the end
LOOKS = 40  # at the memory, on the way
WARM_UP = 2000  # requests before anything is counted
CLOSE_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: the other end is told by a reset
IDLE = 5.0  # seconds in which a server ends that waits for no request; for those it has 10
FILE = bytes(range(256)) * 1024
MULTIPART = "multipart/form-data; boundary=between"


async def run(scale: Scale) -> Row:
    """Hang up again and again, then look at what the server still has."""
    chance = random.Random(scale.seed)  # noqa: S311 - to be repeated, not secret
    async with serving(scale.folder, workers=WORKERS, **FEW_ARENAS) as server:
        requests = await _requests(server.port)
        pids = await asyncio.to_thread(workers_beside_reserve, server, WORKERS)
        growth = Growth(pids, scale.short)
        await asyncio.gather(*(_sign_in(server.port) for _ in range(CLIENTS)))
        await _hang_up(server.port, requests, chance, WARM_UP)
        before = await _settled(server)
        each = max(1, scale.hang_ups // LOOKS)
        for done in range(each, scale.hang_ups + 1, each):
            await _hang_up(server.port, requests, chance, each)
            await growth.look(done)
        after = await _settled(server)
        files = _left(scale.folder)
        async with Visitor(server.port) as visitor:
            well = (await visitor.get("/login")).status == 200
        status, seconds = await asyncio.to_thread(server.stop)
    idle = status == 0 and seconds < IDLE
    return _told(scale, growth, before, after, files, well=well, idle=idle)


def _told(
    scale: Scale,
    growth: Growth,
    before: tuple[int, int],
    after: tuple[int, int],
    files: list[str],
    *,
    well: bool,
    idle: bool,
) -> Row:
    connections, more = after[0], after[1] - before[1]
    return Row(
        f"{scale.hang_ups:,} requests whose client hangs up at a random moment",
        f"0 connections, tasks, files left; {growth.must}",
        f"{connections} connections, {more} descriptors more, {len(files)} files left, "
        f"{'no' if idle else 'SOME'} task that a stop waits for; "
        f"{growth.told} (seed {scale.seed})",
        well and idle and not connections and more <= 0 and not files and growth.flat,
        {
            "connections": connections,
            "descriptors_more": more,
            "files": len(files),
            "mib_per_10000": growth.slope,
        },
    )


async def _sign_in(port: int) -> None:
    """Sign in and wait for it: the memory that the threads hash in is there from then on."""
    async with Visitor(port) as visitor:
        await visitor.send_form("/login", WHO)


async def _requests(port: int) -> list[bytes]:
    """One of each kind: pages, a password, a list, a long download, uploads, a write."""
    async with Visitor(port) as visitor:
        signed_in = await visitor.send_json("/api/v1/auth/sign-in", WHO)
        bearer = {"authorization": f"Bearer {signed_in.json()['access_token']}"}
        page = await visitor.get("/api/v1/houses?size=1", **bearer)
        house = page.json()["items"][0]["id"]
        spell = visitor.spell
        form = {"content-type": "application/x-www-form-urlencoded"}
        part = (
            b'--between\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
            + FILE
            + b"\r\n--between--\r\n"
        )
        json: Mapping[str, str] = bearer | {"content-type": "application/json"}
        return [
            spell("GET", "/login", b"", {}),
            spell("GET", "/static/vendor/bootstrap/css/bootstrap.min.css", b"", {}),
            spell("GET", "/readyz", b"", {}),
            spell("GET", "/api/v1/houses?size=50", b"", bearer),
            spell("GET", "/api/v1/houses.csv", b"", bearer),
            spell("POST", "/login", urlencode(WHO).encode(), form),
            spell("POST", "/api/v1/houses", b'{"projectName": "gone"}', json),
            spell(
                "POST",
                f"/api/v1/houses/{house}/files",
                part,
                bearer | {"content-type": MULTIPART},
            ),
        ]


async def _hang_up(port: int, requests: list[bytes], chance: random.Random, count: int) -> None:
    plans = iter([_plan(requests, chance) for _ in range(count)])

    async def client() -> None:
        for request, pause, reset in plans:
            await _one(port, request, pause, reset=reset)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


def _plan(requests: list[bytes], chance: random.Random) -> tuple[bytes, float, bool]:
    """What is sent, how long until the end, and whether it is a reset."""
    request = chance.choice(requests)
    if chance.random() < 0.3:
        request = request[: chance.randrange(len(request))]
    pause = chance.choice([0.0, chance.uniform(0.0, LONGEST)])
    return request, pause, chance.random() < 0.5


async def _one(port: int, request: bytes, pause: float, *, reset: bool) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(pause or None):
                writer.write(request)
                await writer.drain()
                await reader.read(1 if pause else 0)
        await asyncio.sleep(pause)
    finally:
        if reset:
            sock: socket.socket = writer.get_extra_info("socket")
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, CLOSE_AT_ONCE)
        writer.transport.abort() if reset else writer.close()


async def _settled(server: Server) -> tuple[int, int]:
    """The connections and descriptors of the server's processes once they do not get fewer."""
    with suppress(AssertionError):
        await asyncio.to_thread(eventually, lambda: not open_connections(server.port))
    counts: list[int] = []
    while len(counts) < 2 or counts[-1] < counts[-2]:
        counts.append(sum(map(descriptors, server.children())))
        await asyncio.sleep(1)
    return open_connections(server.port), counts[-1]


def _left(folder: Path) -> list[str]:
    """Drafts of files that nobody finished."""
    return [str(path) for path in folder.rglob(".*.part")]
