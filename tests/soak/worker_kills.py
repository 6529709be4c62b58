"""Workers killed under load: the others serve on, and each is replaced."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from dataclasses import dataclass, field
from itertools import cycle
from statistics import median

from tests.serve.processes import PATIENCE, Server, eventually, kill
from tests.soak.house import clients_of, is_stopped, serving, workers_beside_reserve
from tests.soak.row import Row
from tests.soak.scale import Scale
from tests.soak.visitor import Lost, Visitor

WORKERS = 2
CLIENTS = 8  # half of them keep their connection
PAUSE = 0.01  # seconds of each client between two requests
REPLACED = 2.0  # seconds
PATHS = ("/login", "/api/openapi.json", "/livez")


@dataclass
class Load:
    """What came of requests: how many were answered, when, and from which port one failed."""

    port: int
    answered: list[float] = field(default_factory=list)
    wrong: list[int] = field(default_factory=list)  # statuses
    failed: list[tuple[int, str]] = field(default_factory=list)

    async def ask_on(self, *, keep: bool) -> None:
        """Ask without a rest, until cancelled."""
        async with Visitor(self.port, keep=keep) as visitor:
            for path in cycle(PATHS):
                try:
                    answer = await visitor.get(path)
                except Lost as error:
                    self.failed.append((visitor.local_port, str(error)))
                else:
                    self.answered.append(time.monotonic())
                    if answer.status != 200:
                        self.wrong.append(answer.status)
                await asyncio.sleep(PAUSE)


@dataclass(frozen=True)
class Kill:
    """One kill: the requests it cost, those of other workers among them, and the replacement."""

    lost: int
    lost_elsewhere: int
    meanwhile: int  # answers of the others until the new one served
    replaced: float  # seconds


async def run(scale: Scale) -> Row:
    """Kill one worker after the other, each when the last one is replaced."""
    chance = random.Random(scale.seed)  # noqa: S311 - to be repeated, not secret
    async with serving(scale.folder, workers=WORKERS) as server:
        load = Load(server.port)
        clients = [asyncio.create_task(load.ask_on(keep=bool(i % 2))) for i in range(CLIENTS)]
        try:
            kills = [await _kill_one(server, load, chance) for _ in range(scale.worker_kills)]
        finally:
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)
    return _told(kills, load)


async def _kill_one(server: Server, load: Load, chance: random.Random) -> Kill:
    before = await asyncio.to_thread(workers_beside_reserve, server, WORKERS)
    await asyncio.sleep(chance.uniform(0.0, 0.5))
    victim = chance.choice(sorted(before))
    os.kill(victim, signal.SIGSTOP)  # so that what it has accepted can be told
    await asyncio.to_thread(eventually, lambda: is_stopped(victim))
    its_own = clients_of(victim, server.port)
    failed, answered, began = len(load.failed), len(load.answered), time.monotonic()
    kill(victim)
    while not any(clients_of(pid, server.port) for pid in server.children() - before):
        assert time.monotonic() < began + PATIENCE, "no new worker came"
        await asyncio.sleep(0.01)
    replaced, meanwhile = time.monotonic() - began, len(load.answered) - answered
    await asyncio.sleep(0.1)  # for the last of those that failed to notice
    lost = load.failed[failed:]
    elsewhere = [port for port, _ in lost if port not in its_own]
    return Kill(len(lost), len(elsewhere), meanwhile, replaced)


def _told(kills: list[Kill], load: Load) -> Row:
    seconds = [kill.replaced for kill in kills]
    lost, elsewhere = sum(kill.lost for kill in kills), sum(kill.lost_elsewhere for kill in kills)
    elsewhere += len(load.failed) - lost  # while nobody was killed
    served_on = all(kill.meanwhile for kill in kills)
    reached = served_on and not elsewhere and not load.wrong and max(seconds) < REPLACED
    return Row(
        f"{len(kills)} × kill -9 of a worker under load",
        "others serve on; only requests in that worker fail; replaced within 2 s",
        f"others served {sum(kill.meanwhile for kill in kills)} requests meanwhile; "
        f"{lost} requests lost in killed workers, {elsewhere} elsewhere, "
        f"{len(load.wrong)} answers but 200; "
        f"replaced in {median(seconds):.2f} s (median), {max(seconds):.2f} s (longest)",
        reached,
        {
            "answered": len(load.answered),
            "lost": lost,
            "lost_elsewhere": elsewhere,
            "median_seconds": median(seconds),
            "longest_seconds": max(seconds),
        },
    )
