"""The small load generator: what it counts, and what it loses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from benchmarks import client
from benchmarks.wrk import write_script

Answer = Callable[[int], bytes | None]

HELLO = client.request("GET", "/")


def ok(_number: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[int]:
    """A server that gives the n-th request the n-th answer, or hangs up where there is none."""
    count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        while await reader.readline():
            while await reader.readline() != b"\r\n":
                pass
            told = answer(count)
            count += 1
            if told is None:
                break
            writer.write(told)
            if b"Connection: close" in told:
                break
        writer.close()

    async with await asyncio.start_server(serve, client.HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_clients_ask_on_until_the_time_is_up() -> None:
    async with serving(ok) as port:
        sample = await client.closed_loop(port, HELLO, clients=3, seconds=0.1)

    assert sample.statuses[200] == len(sample.seconds) == len(sample.good) > 3
    assert sample.lost == 0
    assert 0 < sample.percentile(0.5) <= sample.percentile(0.99)
    assert sample.rate(begin=0, end=sample.elapsed) > 0


async def test_each_of_a_burst_asks_once_and_who_is_hung_up_on_is_lost() -> None:
    async with serving(lambda number: ok(number) if number % 2 else None) as port:
        sample = await client.burst(port, HELLO, clients=10)

    assert (sample.statuses[200], sample.lost) == (5, 5)


async def test_who_is_told_503_stays_away_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSE", 0.2)
    busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
    async with serving(lambda _number: busy) as port:
        sample = await client.closed_loop(port, HELLO, clients=2, seconds=0.1)

    assert sample.statuses == {503: 2}
    assert sample.good == []


async def test_bodies_come_whole_in_chunks_and_by_length() -> None:
    chunked = (
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n5\r\n": 1}\r\n0\r\n\r\n'
    )
    async with serving(lambda _number: chunked) as port:
        assert await client.once(port, HELLO) == {"a": 1}


async def test_a_connection_that_the_server_ends_is_opened_again() -> None:
    last = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
    async with serving(lambda _number: last) as port:
        connection = await client.Connection.open(port)
        assert [await connection.ask(HELLO) for _ in range(3)] == [(200, b"hi")] * 3
        connection.close()


async def test_a_refusal_is_an_error_where_an_answer_is_needed() -> None:
    async with serving(lambda _n: b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno") as port:
        with pytest.raises(RuntimeError, match="401"):
            await client.once(port, HELLO)


async def test_others_ask_now_and_then_until_told_to_stop() -> None:
    stop = asyncio.Event()
    async with serving(ok) as port, asyncio.TaskGroup() as tasks:
        others = tasks.create_task(client.paced(port, HELLO, clients=2, pause=0.01, stop=stop))
        await asyncio.sleep(0.1)
        stop.set()

    assert 2 < others.result().statuses[200] <= 22


def test_wrk_is_told_the_same_request(tmp_path: Path) -> None:
    asked = client.posted("/a?b=c", {"name": 'a "quoted" \\ name'}, token="t.o.k")

    assert write_script(asked, tmp_path / "script.lua") == "/a?b=c"
    script = (tmp_path / "script.lua").read_text(encoding="utf-8")
    assert 'wrk.method = "POST"' in script
    assert 'wrk.headers["Authorization"] = "Bearer t.o.k"' in script
    assert r'wrk.body = "{\"name\": \"a \\\"quoted\\\" \\\\ name\"}"' in script
    assert "Content-Length" not in script  # it counts by itself
