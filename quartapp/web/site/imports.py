"""Houses from a file: sent, looked at, and only then imported."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from quart import (
    Blueprint,
    Response,
    flash,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from werkzeug.wrappers import Response as WerkzeugResponse

from quartapp.core.errors import Conflict, Invalid
from quartapp.houses import csv_lines, transfer
from quartapp.houses.lines import WHOLE, BadLine, Row, lines_of
from quartapp.houses.transfer import BadLines, Imported
from quartapp.web import import_drafts
from quartapp.web.db import database
from quartapp.web.guards import Person, person, signed_in
from quartapp.web.i18n import _, ngettext, number, told

bp = Blueprint("imports", __name__)

FIRST = 20  # rows that are shown
REFUSED = 200  # refused lines that are shown
STREAM = "application/x-ndjson"

Page = tuple[str, int]


@dataclass
class Preview:
    """What would become of a file."""

    first: list[Row] = field(default_factory=list)
    good: int = 0
    refused: list[BadLine] = field(default_factory=list)
    bad: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of a file, or why nothing did."""

    imported: int
    refused: list[BadLine]
    bad: int
    interfered: bool = False

    @property
    def message(self) -> str:
        """The same in a sentence."""
        if self.interfered:
            return _("Nothing was imported: somebody else added one of these houses meanwhile.")
        if not self.imported:
            return _("Nothing was imported.")
        n = number(self.imported)
        return ngettext(
            "One house was imported.", "%(n)s houses were imported.", self.imported, n=n
        )


@bp.get("/houses/import")
@signed_in
async def upload() -> str:
    """Show the form for a file."""
    return await _form({})


@bp.post("/houses/import")
@signed_in
async def receive() -> WerkzeugResponse | Page:
    """Keep a file, and lead to what is in it."""
    try:
        key = await import_drafts.receive(request, owner=person().subject)
    except Invalid as error:
        return await _form(error.fields), 400
    return redirect(url_for(".preview", key=key), 303)


@bp.get("/houses/import/<key>")
@signed_in
async def preview(key: str) -> str | Page:
    """Show what would become of a file."""
    try:
        found = await _preview(key, person())
    except Invalid as error:
        await import_drafts.remove(key, owner=person().subject)
        return await _form(error.fields), 400
    return await render_template("site/houses/import_preview.html", key=key, found=found)


@bp.post("/houses/import/<key>")
@signed_in
async def confirm(key: str) -> Response | Page:
    """Import a file: all of it, or what is good, or nothing; on the way tell how far it is."""
    skip = (await request.form).get("refused") == "skip"
    if request.accept_mimetypes.best == STREAM:
        answer = Response(stream_with_context(_told)(key, skip, person()), mimetype=STREAM)
        answer.timeout = None  # as long as it takes
        return answer
    outcome = await _import(key, skip, person(), done=int)
    page = await render_template("site/houses/import_done.html", outcome=outcome, key=key)
    return page, 200 if outcome.imported else 409


@bp.post("/houses/import/<key>/discard")
@signed_in
async def discard(key: str) -> WerkzeugResponse:
    """Forget a file."""
    await import_drafts.remove(key, owner=person().subject)
    await flash(_("Nothing was imported."), "info")
    return redirect(url_for("houses.index"), 303)


async def _form(errors: Mapping[str, Any]) -> str:
    return await render_template("site/houses/import.html", errors=errors)


async def _preview(key: str, who: Person) -> Preview:
    found = Preview()
    async with (
        import_drafts.opened(key, owner=who.subject) as file,
        database().reading(limit=None) as db,
    ):
        rows = csv_lines.parse(lines_of(file))
        async for good, bad, _count in transfer.checked(db, rows=rows):
            found.first += good[: FIRST - len(found.first)]
            found.refused += bad[: REFUSED - len(found.refused)]
            found.good += len(good)
            found.bad += len(bad)
    return found


async def _import(key: str, skip: bool, who: Person, *, done: Callable[[int], object]) -> Outcome:
    """Import a file in one transaction, which a client that hangs up takes back."""
    try:
        async with import_drafts.opened(key, owner=who.subject) as file:
            rows = csv_lines.parse(lines_of(file))
            async with database().writing(limit=None) as db:
                imported = await transfer.load(
                    db, rows=rows, skip_bad=skip, keep=REFUSED, done=done, by=who.actor
                )
    except BadLines as refused:
        imported = Imported(0, list(refused.bad), refused.refused)
    except Conflict:
        return Outcome(0, [], 0, interfered=True)
    if imported.count:
        await import_drafts.remove(key, owner=who.subject)
    return Outcome(imported.count, imported.bad, imported.refused)


async def _told(key: str, skip: bool, who: Person) -> AsyncGenerator[str, None]:
    """A line of JSON for every batch that is done, and a last one that says how it ended."""
    heard: asyncio.Queue[int | None] = asyncio.Queue()
    work = asyncio.create_task(_import(key, skip, who, done=heard.put_nowait))
    work.add_done_callback(lambda _task: heard.put_nowait(None))
    lines = 0
    try:
        while (count := await heard.get()) is not None:
            lines += count
            yield _line(lines=lines)
        outcome = work.result()
        yield _line(
            imported=outcome.imported,
            message=outcome.message,
            bad=outcome.bad,
            refused=[[bad.line, reason] for bad in outcome.refused for reason in reasons(bad)],
        )
    finally:
        work.cancel()
        await asyncio.wait([work])


def _line(**values: object) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


@bp.app_template_filter()
def reasons(line: BadLine) -> Iterator[str]:
    """Why a line is refused, in the language of the request."""
    names = {
        "id": _("Id"),
        "project_no": _("Number"),
        "project_name": _("Name"),
        "project_address": _("Address"),
    }
    for column, why in line.reasons.items():
        yield told(why) if column == WHOLE else f"{names[column]} {told(why)}"
