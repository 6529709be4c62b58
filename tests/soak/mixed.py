"""People and programs for half an hour: memory and descriptors stay where they are."""

from __future__ import annotations

import asyncio
import html
import random
import re
import time
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.soak.growth import FEW_ARENAS, Growth
from tests.soak.house import WHO, serving, workers_beside_reserve
from tests.soak.row import Row
from tests.soak.scale import Scale
from tests.soak.visitor import Answer, Lost, Visitor

WORKERS = 2
PEOPLE = 4
PROGRAMS = 2
LOOKS = 60  # at memory and descriptors, on the way
PAUSE = 0.02  # seconds of each between two requests, at most
AWAY = 0.1  # of the visits end without a word, as a browser that is closed

# Two who edit the same house at once: one of them is told, as it should be.
FASTER = {409, 412}
FIELD = re.compile(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"')
HOUSE = re.compile(r'href="(/house/\d{4})"')  # of the demo: the others are there for a moment
FORM = "multipart/form-data; boundary=between"
FILE = (
    b'--between\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
    + b"A line of a file.\n" * 4000
    + b"\r\n--between--\r\n"
)


@dataclass
class Visits:
    """What came of the visits: how many answers of each kind."""

    port: int
    chance: random.Random
    until: float
    answers: Counter[str] = field(default_factory=Counter)  # by what was asked
    wrong: Counter[str] = field(default_factory=Counter)  # by what was asked, and the status
    lost: int = 0
    over: int = 0  # visits that came to their end

    async def go_on(self, *, program: bool) -> None:
        """Visit again and again until it is time."""
        while time.monotonic() < self.until:
            async with Visitor(self.port) as visitor:
                try:
                    await (self._job(visitor) if program else self._visit(visitor))
                except Lost:
                    self.lost += 1
                else:
                    self.over += 1

    async def _visit(self, visitor: Visitor) -> None:
        """Sign in, look around, edit a house, add a file, sign out."""
        await self._note("sign in", visitor.send_form("/login", WHO), 303)
        listed = await self._note("list", visitor.get(f"/houses?page={self._some(2)}"), 200)
        houses = HOUSE.findall(listed.body.decode()) or [""]
        house = html.unescape(self.chance.choice(houses))
        await self._note("house", visitor.get(house), 200)
        await self._note("overview", visitor.get("/"), 200)
        form = await self._note("edit", visitor.get(f"{house}/edit"), 200)
        fields = {name: html.unescape(value) for name, value in FIELD.findall(form.body.decode())}
        fields["project_address"] = f"{self._some(999)} Long Street"
        await self._note("save", visitor.send_form(f"{house}/edit", fields), 303, *FASTER)
        if self.chance.random() < AWAY:
            return
        kind = {"content-type": FORM}
        await self._note("upload", visitor.ask("POST", f"{house}/files", FILE, headers=kind), 303)
        files = await self._note("files", visitor.get(f"{house}/files"), 200)
        await self._remove_one(visitor, files)
        await self._note("sign out", visitor.send_form("/logout", {}), 303)

    async def _remove_one(self, visitor: Visitor, files: Answer) -> None:
        found = re.findall(r'href="(/house/[^"]+/files/[^"/]+/delete)"', files.body.decode())
        if found:  # another one may have been faster
            path = html.unescape(self.chance.choice(found))
            await self._note("remove a file", visitor.send_form(path, {}), 303, 404)

    async def _job(self, visitor: Visitor) -> None:
        """Sign in with a token, list, make, change and remove a house, give the token back."""
        tokens = await self._note(
            "API: sign in", visitor.send_json("/api/v1/auth/sign-in", WHO), 200
        )
        if tokens.status != 200:
            return
        bearer = {"authorization": f"Bearer {tokens.json()['access_token']}"}
        await self._note("API: list", visitor.get("/api/v1/houses?size=50", **bearer), 200)
        made = await self._note(
            "API: make",
            visitor.send_json("/api/v1/houses", {"projectName": "for a moment"}, **bearer),
            201,
        )
        address = f"/api/v1/houses/{quote(made.json()['id'], safe='')}"
        seen = await self._note("API: house", visitor.get(address, **bearer), 200)
        change = {"projectAddress": f"{self._some(999)} Long Street"}
        match = bearer | {"if-match": seen.headers.get("etag", "")}
        await self._note(
            "API: change", visitor.send_json(address, change, method="PATCH", **match), 200
        )
        await self._note("API: remove", visitor.ask("DELETE", address, headers=bearer), 204, 428)
        refresh = {"authorization": f"Bearer {tokens.json()['refresh_token']}"}
        await self._note(
            "API: sign out", visitor.send_json("/api/v1/auth/revoke", {}, **refresh), 204
        )

    async def _note(self, what: str, asked: Coroutine[None, None, Answer], *good: int) -> Answer:
        answer = await asked
        self.answers[what] += 1
        if answer.status not in good:
            self.wrong[f"{what}: {answer.status}"] += 1
        await asyncio.sleep(self.chance.uniform(0.0, PAUSE))
        return answer

    def _some(self, most: int) -> int:
        return self.chance.randint(1, most)


async def run(scale: Scale) -> Row:
    """Let them visit, and look at memory and descriptors meanwhile."""
    chance = random.Random(scale.seed)  # noqa: S311 - to be repeated, not secret
    async with serving(scale.folder, workers=WORKERS, **FEW_ARENAS) as server:
        pids = await asyncio.to_thread(workers_beside_reserve, server, WORKERS)
        growth = Growth(pids, scale.short)
        began = time.monotonic()
        visits = Visits(server.port, chance, until=began + scale.mixed_seconds)
        visitors = [visits.go_on(program=i < PROGRAMS) for i in range(PEOPLE + PROGRAMS)]
        looking = asyncio.create_task(_look(growth, visits, scale.mixed_seconds / LOOKS))
        try:
            await asyncio.gather(*visitors)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
    return _told(scale, visits, growth)


async def _look(growth: Growth, visits: Visits, pause: float) -> None:
    while True:
        await asyncio.sleep(pause)
        await growth.look(visits.answers.total())


def _told(scale: Scale, visits: Visits, growth: Growth) -> Row:
    wrong = ", ".join(f"{count} × {what}" for what, count in visits.wrong.most_common(5))
    return Row(
        f"{scale.mixed_seconds / 60:g} min mixed load",
        f"{growth.must}, no descriptor leak",
        f"{visits.answers.total()} answers in {visits.over} visits, {visits.lost} lost, "
        f"{visits.wrong.total()} not as they must be{f' ({wrong})' if wrong else ''}; "
        f"{growth.told}; descriptors {growth.more_descriptors:+d} (seed {scale.seed})",
        growth.flat and growth.more_descriptors <= 0 and not visits.wrong and not visits.lost,
        {
            "answers": visits.answers.total(),
            "lost": visits.lost,
            "wrong": visits.wrong.total(),
            "mib_per_10000": growth.slope,
            "mib_at_the_end": growth.mib[-1],
            "descriptors_more": growth.more_descriptors,
        },
    )
