"""What a server writes: together if it is little, at once if it is much, never out of turn."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from quartapp.serve.connections import Connection, Connections
from quartapp.serve.outbox import ENOUGH, Outbox


class Recorded:
    """A transport that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[bytes | str] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.asked.append(data)

    def write_eof(self) -> None:
        self.asked.append("end")

    def close(self) -> None:
        self.closing = True
        self.asked.append("close")

    def abort(self) -> None:
        self.closing = True
        self.asked.append("abort")

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


def around(transport: Recorded) -> Outbox:
    return Outbox(cast(asyncio.Transport, transport))


async def test_head_and_body_are_sent_as_one() -> None:
    transport = Recorded()
    outbox = around(transport)
    outbox.write(b"head")
    outbox.write(b"")
    outbox.write(b"body")
    assert transport.asked == []
    await asyncio.sleep(0)
    assert transport.asked == [b"headbody"]
    outbox.write(b"next")
    await asyncio.sleep(0)
    assert transport.asked == [b"headbody", b"next"]


async def test_much_is_sent_at_once_so_that_its_writer_is_told_to_wait() -> None:
    transport = Recorded()
    outbox = around(transport)
    outbox.write(b"head")
    outbox.write(bytes(ENOUGH))
    assert transport.asked == [b"head" + bytes(ENOUGH)]
    await asyncio.sleep(0)
    assert len(transport.asked) == 1


@pytest.mark.parametrize("ask", ["close", "write_eof"])
async def test_what_was_written_before_the_end_is_sent(ask: str) -> None:
    transport = Recorded()
    outbox = around(transport)
    outbox.write(b"last words")
    getattr(outbox, ask)()
    await asyncio.sleep(0)
    assert transport.asked == [b"last words", "close" if ask == "close" else "end"]


async def test_what_is_broken_off_is_not_sent() -> None:
    transport = Recorded()
    outbox = around(transport)
    outbox.write(b"too late")
    outbox.abort()
    await asyncio.sleep(0)
    assert transport.asked == ["abort"]


async def test_a_write_after_the_end_is_the_transports_to_complain_of() -> None:
    transport = Recorded()
    transport.closing = True
    outbox = around(transport)
    outbox.write(b"to nobody")
    assert transport.asked == [b"to nobody"]
    assert outbox.get_extra_info("socket") == "the socket"


async def test_what_is_held_is_sent_when_a_client_that_was_answered_says_that_it_leaves() -> None:
    class Server(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            cast(asyncio.Transport, transport).write(b"answer")

    transport = Recorded()
    connections = Connections(1, idle=1.0, shared=False)
    connection = Connection(connections, Server())
    connection.connection_made(cast(asyncio.Transport, transport))
    assert transport.asked == []
    assert not connection.eof_received()
    assert transport.asked == [b"answer"]
