"""Clients that write without a rest, and a ledger of what they were told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from tests.soak.visitor import Lost, Visitor

PAUSE = 0.005  # seconds of each writer between two writes
OLD, NEW = "as it was made", "as it was changed"

# What the tables hold of a house after so many of its writes: its name, the count of its changes
# if it has one, and what the audit log says.
State = tuple[str | None, int | None, tuple[str, ...]]
STATES: tuple[State, ...] = (
    (None, None, ()),
    (OLD, None, ("house.created",)),
    (NEW, 2, ("house.created", "house.changed")),
    (None, None, ("house.created", "house.changed", "house.deleted")),
)


@dataclass
class Ledger:
    """How many writes of each house were acknowledged, and whether one more is in doubt."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    in_doubt: set[str] = field(default_factory=set)
    done: list[float] = field(default_factory=list)  # when a write was acknowledged
    refused: list[float] = field(default_factory=list)  # when one began that was told 503
    lost: int = 0  # without an answer
    wrong: list[str] = field(default_factory=list)  # any other answer
    longest: float = 0.0  # seconds to a 503

    def lost_writes(self, found: Mapping[str, State]) -> list[str]:
        """The houses of which something that was acknowledged is not in the tables."""
        return [
            house
            for house, count in self.acknowledged.items()
            if found.get(house, STATES[0]) in STATES[:count]
        ]

    def half_writes(self, found: Mapping[str, State]) -> list[str]:
        """The houses that are not as one write left them, or as nobody asked for."""
        return [
            house
            for house, state in found.items()
            if state not in STATES or STATES.index(state) > self._most(house)
        ]

    def _most(self, house: str) -> int:
        return self.acknowledged.get(house, 0) + (house in self.in_doubt)


class Writers:
    """Some writers, each with houses of its own: made, changed, deleted."""

    def __init__(self, ledger: Ledger, who: Mapping[str, str]) -> None:
        self._ledger = ledger
        self._who = who
        self._count = 0

    async def write_on(self, port: int) -> None:
        """Write until cancelled; a house of which a write is in doubt is left alone."""
        async with Visitor(port) as visitor:
            bearer = await self._sign_in(visitor)
            while True:
                self._count += 1
                house = f"house-{self._count}"
                self._ledger.acknowledged[house] = 0
                while self._ledger.acknowledged[house] < len(STATES) - 1:
                    if not await self._write(visitor, house, bearer):
                        break
                    await asyncio.sleep(PAUSE)

    async def _sign_in(self, visitor: Visitor) -> dict[str, str]:
        while True:
            with suppress(Lost):
                answer = await visitor.send_json("/api/v1/auth/sign-in", self._who)
                if answer.status == 200:
                    return {"authorization": f"Bearer {answer.json()['access_token']}"}
            await asyncio.sleep(0.1)

    async def _write(self, visitor: Visitor, house: str, bearer: dict[str, str]) -> bool:
        """Take a house one step on; False if nobody knows whether it was taken."""
        ledger, step, path = self._ledger, self._ledger.acknowledged[house], "/api/v1/houses"
        began = time.monotonic()
        ledger.in_doubt.add(house)
        try:
            if step == 0:
                new = {"id": house, "projectName": OLD}
                answer = await visitor.send_json(path, new, **bearer)
            elif step == 1:
                answer = await visitor.send_json(
                    f"{path}/{house}", {"projectName": NEW}, method="PATCH", **bearer
                )
            else:
                answer = await visitor.ask("DELETE", f"{path}/{house}", headers=bearer)
        except Lost:
            ledger.lost += 1
            await asyncio.sleep(0.05)
            return False
        if answer.status == (201, 200, 204)[step]:
            ledger.in_doubt.discard(house)
            ledger.acknowledged[house] += 1
            ledger.done.append(time.monotonic())
            return True
        if answer.status == 503 and "retry-after" in answer.headers:
            ledger.refused.append(began)
            ledger.longest = max(ledger.longest, time.monotonic() - began)
        else:
            ledger.wrong.append(
                f"{answer.status} to write {step} of {house}: {answer.body[:200]!r}"
            )
        await asyncio.sleep(0.05)
        return False


def states(
    houses: Mapping[str, str | None],
    versions: Mapping[str, int],
    audited: list[tuple[str, str]],
) -> dict[str, State]:
    """What the tables hold of each house: of one that only one of them knows as well."""
    said: dict[str, tuple[str, ...]] = {}
    for subject, action in audited:
        said[subject] = (*said.get(subject, ()), action)
    known = {*houses, *versions, *said}
    return {each: (houses.get(each), versions.get(each), said.get(each, ())) for each in known}


HOUSES = "SELECT id, project_name FROM base_house"
VERSIONS = "SELECT house_id, version FROM house_revision"
AUDITED = "SELECT subject, action FROM audit_entry WHERE action LIKE 'house.%' ORDER BY id"
