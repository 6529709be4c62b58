"""A stop under load: no request that was accepted is cut."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic

from tests.soak.house import WHO, serving
from tests.soak.row import Row
from tests.soak.scale import Scale
from tests.soak.visitor import Lost, Visitor

CLIENTS = 16  # half of them keep their connection
PAUSE = 0.005  # seconds of each client between two requests


@dataclass
class Writes:
    """Houses that were to be made, by id: those with a whole answer, and what became of others."""

    made: set[str] = field(default_factory=set)
    refused: dict[str, int] = field(default_factory=dict)  # told so, by a status
    cut: list[str] = field(default_factory=list)  # in mid-answer, or unanswered when accepted
    untaken: list[str] = field(default_factory=list)  # nobody had read them

    def __post_init__(self) -> None:
        self._ids = (f"stop-{number}" for number in count())

    async def write_on(self, port: int, token: str, *, keep: bool) -> None:
        """Make houses until the server is gone."""
        bearer = {"authorization": f"Bearer {token}"}
        async with Visitor(port, keep=keep) as visitor:
            for id in self._ids:
                try:
                    answer = await visitor.send_json("/api/v1/houses", {"id": id}, **bearer)
                except Lost as error:
                    (self.cut if error.cut or _was_read(error, keep) else self.untaken).append(id)
                    if "ConnectionRefused" in str(error):
                        return
                else:
                    if answer.status == 201:
                        self.made.add(id)
                    else:
                        self.refused[id] = answer.status
                await asyncio.sleep(PAUSE)


async def run(scale: Scale) -> Row:
    """Stop a server under load, and start it again, so often."""
    chance = random.Random(scale.seed)  # noqa: S311 - to be repeated, not secret
    writes = Writes()
    ends = [await _stop_once(scale.folder, writes, chance) for _ in range(scale.stops)]
    there = _ids(scale.folder / "quartapp.db")
    unanswered = sorted(there - writes.made)
    missing = writes.made - there
    seconds = [took for _, took in ends]
    orderly = all(status == 0 for status, _ in ends)
    return Row(
        f"SIGTERM under load, {scale.stops} times",
        "0 accepted requests cut",
        f"{len(writes.made)} writes answered; {len(writes.cut)} cut, {len(unanswered)} done "
        f"without an answer, {len(missing)} answered and not there; {len(writes.refused)} told "
        f"to come again, {len(writes.untaken)} not accepted; "
        f"{'each' if orderly else 'NOT each'} stop ended with status 0, "
        f"the longest in {max(seconds):.2f} s",
        orderly
        and not (writes.cut or unanswered or missing)
        and set(writes.refused.values()) <= {503},
        {
            "answered": len(writes.made),
            "cut": len(writes.cut),
            "unanswered": len(unanswered),
            "missing": len(missing),
            "refused": len(writes.refused),
            "not_accepted": len(writes.untaken),
            "longest_seconds": max(seconds),
        },
    )


async def _stop_once(folder: Path, writes: Writes, chance: random.Random) -> tuple[int, float]:
    async with serving(folder) as server:
        async with Visitor(server.port) as visitor:
            signed_in = await visitor.send_json("/api/v1/auth/sign-in", WHO)
        token = signed_in.json()["access_token"]
        clients = [
            asyncio.create_task(writes.write_on(server.port, token, keep=bool(i % 2)))
            for i in range(CLIENTS)
        ]
        await asyncio.sleep(chance.uniform(0.5, 1.5))
        began = monotonic()
        server.process.terminate()
        status = await asyncio.to_thread(server.until_ended)
        took = monotonic() - began
        await asyncio.gather(*clients)
    return status, took


def _was_read(error: Lost, keep: bool) -> bool:
    """Whether the server had read the request of a connection that ended without an answer.

    The system resets a connection that is closed with something unread. One that was kept may
    have been closed while the request was on its way, as HTTP allows (RFC 9112, 9.3.1).
    """
    return not keep and "IncompleteRead" in str(error)


def _ids(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT id FROM base_house WHERE id LIKE 'stop-%'")
        return {id for (id,) in rows}
