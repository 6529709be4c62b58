"""Many houses at once: CSV and NDJSON, in and out, as they arrive and as they are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager
from hashlib import sha256
from tempfile import TemporaryFile
from typing import Annotated, BinaryIO, Literal

from pydantic import Field
from quart import Blueprint, Response, request

from quartapp.files.storage import BLOCK, room_is_left
from quartapp.houses import csv_lines, ndjson, transfer
from quartapp.houses.lines import BadLine, Row, lines_of
from quartapp.web.api.house_models import Chosen
from quartapp.web.api.models import Out, Query
from quartapp.web.api.once import once
from quartapp.web.api.operations import IDEMPOTENCY_KEY, Answer, Operation, Raw, answer
from quartapp.web.api.tokens import caller
from quartapp.web.db import database
from quartapp.web.problems import Refused

bp = Blueprint("bulk", __name__)

CSV = transfer.FORMATS["csv"]
NDJSON = transfer.FORMATS["ndjson"]
MOST_TOLD = 1000  # refused lines in an answer

CSV_EXAMPLE = csv_lines.HEADER + "SZ-1,SZ-2026-0142,福田中心区改造,深圳市福田区\n"
NDJSON_EXAMPLE = '{"id": "SZ-1", "projectNo": "SZ-2026-0142", "projectName": "福田中心区改造"}\n'
TEXT = {"type": "string"}
IMPORT_REFUSALS = {
    409: "Somebody else added one of the houses, or the first request still runs.",
    507: "There is no room left to take the file in.",
}

Parse = Callable[[Iterable[bytes]], Iterator[Row | BadLine]]


class ImportQuery(Query):
    """What to do with lines that cannot be imported."""

    skip: Annotated[
        Literal["refused"] | None,
        Field(description="Import the rest; else nothing is imported if a line is refused."),
    ] = None


class RefusedLine(Out):
    """A line that was not imported, and why; `column` is null where it is about the whole line."""

    line: int
    column: str | None
    code: str
    detail: str


class Imported(Out):
    """What became of the lines; of those refused the first thousand are named."""

    imported: int
    refused: int
    lines: list[RefusedLine]


@bp.get("/houses.csv")
@Operation(
    id="exportCsv",
    summary="Export houses as CSV",
    scopes=["houses:read"],
    query=Chosen,
    answers={
        200: Answer(
            "The houses, one in a line below the header; an empty field is null.",
            media="text/csv",
            schema=TEXT,
            example=CSV_EXAMPLE,
            headers=["Content-Disposition"],
        )
    },
)
async def export_csv(query: Chosen) -> Response:
    """Stream the houses found."""
    return await _export(query, CSV)


@bp.get("/houses.ndjson")
@Operation(
    id="exportNdjson",
    summary="Export houses as NDJSON",
    scopes=["houses:read"],
    query=Chosen,
    answers={
        200: Answer(
            "The houses, a JSON object in each line.",
            media="application/x-ndjson",
            schema=TEXT,
            example=NDJSON_EXAMPLE,
            headers=["Content-Disposition"],
        )
    },
)
async def export_ndjson(query: Chosen) -> Response:
    """Stream the houses found."""
    return await _export(query, NDJSON)


@bp.post("/houses.csv")
@Operation(
    id="importCsv",
    summary="Import houses from CSV",
    scopes=["houses:write"],
    query=ImportQuery,
    body=Raw("text/csv", "UTF-8, its first line is the header.", example=CSV_EXAMPLE),
    headers=[IDEMPOTENCY_KEY],
    answers={200: Answer("They are imported.", Imported)},
    refusals=IMPORT_REFUSALS,
)
async def import_csv(query: ImportQuery) -> Response:
    """Import all houses of a file, or none, or those that can be."""
    return await _import(query, csv_lines.parse)


@bp.post("/houses.ndjson")
@Operation(
    id="importNdjson",
    summary="Import houses from NDJSON",
    scopes=["houses:write"],
    query=ImportQuery,
    body=Raw("application/x-ndjson", "UTF-8, a JSON object in each line.", example=NDJSON_EXAMPLE),
    headers=[IDEMPOTENCY_KEY],
    answers={200: Answer("They are imported.", Imported)},
    refusals=IMPORT_REFUSALS,
)
async def import_ndjson(query: ImportQuery) -> Response:
    """Import all houses of a file, or none, or those that can be."""
    return await _import(query, ndjson.parse)


async def _export(query: Chosen, format: transfer.Format) -> Response:
    batches = transfer.dump(database().reading, format=format, chosen=query.search())
    # A database that is away is found out before the answer has begun.
    first: list[str] = await anext(batches, [])

    async def written() -> AsyncIterator[bytes]:
        async with aclosing(batches):
            yield (format.header + "".join(first)).encode()
            async for batch in batches:
                yield "".join(batch).encode()

    name = f'attachment; filename="houses.{format.extension}"'
    headers = {"Content-Disposition": name}
    response = Response(written(), 200, headers, content_type=format.media_type)
    response.timeout = None  # as long as the client takes
    return response


async def _import(query: ImportQuery, parse: Parse) -> Response:
    async with _received() as (file, digest), once(f"{query.skip} {digest}") as attempt:
        if attempt.kept:
            return attempt.kept
        async with database().writing(limit=None) as db:
            try:
                done = await transfer.load(
                    db,
                    rows=parse(lines_of(file)),
                    skip_bad=bool(query.skip),
                    keep=MOST_TOLD,
                    by=caller().actor,
                )
            except transfer.BadLines as error:
                raise _nothing_imported(error) from None
            lines = list(_told(done.bad))[:MOST_TOLD]
            told = answer(Imported(imported=done.count, refused=done.refused, lines=lines))
            await attempt.keep(db, told)
    return told


@asynccontextmanager
async def _received() -> AsyncIterator[tuple[BinaryIO, str]]:
    """The body of the request as a file, and its digest; it is written as it arrives.

    Raises NoRoom.
    """
    digest = sha256()
    waiting = bytearray()
    with room_is_left():
        file = await asyncio.to_thread(TemporaryFile)
        try:
            async for chunk in request.body:
                digest.update(chunk)
                waiting += chunk
                if len(waiting) >= BLOCK:
                    await asyncio.to_thread(file.write, bytes(waiting))
                    waiting.clear()
            await asyncio.to_thread(file.write, bytes(waiting))
            await asyncio.to_thread(file.seek, 0)
            yield file, digest.hexdigest()
        finally:
            await asyncio.shield(asyncio.to_thread(file.close))


def _told(bad: Iterable[BadLine]) -> Iterator[RefusedLine]:
    for each in bad:
        for column, why in each.reasons.items():
            yield RefusedLine(line=each.line, column=column or None, code=why.code, detail=str(why))


def _nothing_imported(error: transfer.BadLines) -> Refused:
    """The refusal of a file; of its lines the first thousand are named."""
    count = error.refused
    detail = f"Nothing was imported: {count} lines cannot be taken. With skip=refused the rest is."
    told = [line.model_dump(exclude_none=True) for line in _told(error.bad)]
    return Refused(422, "refused-lines", detail, told[:MOST_TOLD])
