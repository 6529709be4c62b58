"""Multipart bodies, told part by part as they arrive, within limits on all that is no file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import (
    Data,
    Epilogue,
    Event,
    Field,
    File,
    MultipartDecoder,
    NeedData,
)

STEP = 64 * 1024  # bytes parsed before others have a turn


async def events(
    body: AsyncIterable[bytes],
    boundary: bytes,
    *,
    max_memory: int | None,
    max_parts: int | None,
    max_body: int | None,
) -> AsyncIterator[Field | File | Data]:
    """The parts of a body and their data. Raises ValueError if it is none, or breaks off.

    Raises RequestEntityTooLarge beyond `max_body` bytes, `max_parts` parts, or `max_memory` bytes
    of fields and headers: werkzeug counts each field alone, and headers not at all.
    """
    decoder = MultipartDecoder(boundary, max_memory, max_parts=max_parts)
    spent = 0
    part: Event | None = None
    async for piece in _pieces(body, max_body):
        decoder.receive_data(piece)
        event = decoder.next_event()
        while not isinstance(event, (NeedData, Epilogue)):
            part = event if isinstance(event, (Field, File)) else part
            spent += _cost(event, part)
            if max_memory is not None and spent > max_memory:
                raise RequestEntityTooLarge
            if isinstance(event, (Field, File, Data)):
                yield event
            event = decoder.next_event()


async def _pieces(body: AsyncIterable[bytes], max_body: int | None) -> AsyncIterator[bytes | None]:
    """The body in steps that are short to parse, and None at its end."""
    received = 0
    async for chunk in body:
        received += len(chunk)
        if max_body is not None and received > max_body:
            raise RequestEntityTooLarge
        for start in range(0, len(chunk), STEP):
            yield chunk[start : start + STEP]
            await asyncio.sleep(0)
    yield None


def _cost(event: Event, part: Event | None) -> int:
    """The bytes of an event that are kept in memory, whoever reads them."""
    if isinstance(event, (Field, File)):
        return sum(len(name) + len(value) for name, value in event.headers)
    return len(event.data) if isinstance(event, Data) and isinstance(part, Field) else 0
