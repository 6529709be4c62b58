"""What arrives of a body waits for its reader, and for nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from quartapp.web.middleware.body_pace import AHEAD, KEY, BodyPace, Pace

CHUNK = 100_000
CHUNKS = 100

Reader = Callable[[Pace, Callable[[], int], Any], Any]


async def play(reader: Reader) -> int:
    """Send a body to `reader`, which is told how much has arrived; how much has at the end."""
    arrived = 0

    async def receive() -> dict[str, Any]:
        nonlocal arrived
        arrived += CHUNK
        more = arrived < CHUNK * CHUNKS
        return {"type": "http.request", "body": b"x" * CHUNK, "more_body": more}

    async def send(event: Any) -> None:
        pass

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def take_in() -> None:
            for _ in range(CHUNKS):
                await receive()
                await asyncio.sleep(0)

        taking = asyncio.create_task(take_in())
        await reader(scope[KEY], lambda: arrived, send)
        await asyncio.wait_for(taking, 5)

    await BodyPace(app)({"type": "http"}, receive, send)  # type: ignore[arg-type]
    return arrived


async def others_go_on() -> None:
    for _ in range(3 * CHUNKS):
        await asyncio.sleep(0)


async def test_no_more_arrives_than_a_slow_reader_is_about_to_need() -> None:
    most = 0

    async def read_slowly(pace: Pace, arrived: Callable[[], int], _: Any) -> None:
        nonlocal most
        pace.begin()
        for number in range(CHUNKS):
            await others_go_on()
            most = max(most, arrived() - number * CHUNK)
            pace.read(CHUNK)

    assert await play(read_slowly) == CHUNK * CHUNKS
    assert AHEAD < most <= AHEAD + 2 * CHUNK


async def test_a_body_that_nobody_paces_is_taken_in_at_once() -> None:
    seen = 0

    async def wait(_: Pace, arrived: Callable[[], int], send: Any) -> None:
        nonlocal seen
        await others_go_on()
        seen = arrived()

    await play(wait)
    assert seen == CHUNK * CHUNKS


async def test_what_is_left_of_a_body_is_taken_in_when_it_is_answered() -> None:
    async def answer_early(pace: Pace, arrived: Callable[[], int], send: Any) -> None:
        pace.begin()
        await others_go_on()
        assert arrived() < 2 * AHEAD
        await send({"type": "http.response.start", "status": 400, "headers": []})

    assert await play(answer_early) == CHUNK * CHUNKS
