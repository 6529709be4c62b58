"""Houses: found, shown, made, changed and deleted by people."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from quart import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from quartapp.audit import service as audit
from quartapp.audit.models import AuditEntry
from quartapp.core.clock import now
from quartapp.core.errors import Changed, Conflict, Invalid, TooSlow
from quartapp.db.database import Database
from quartapp.db.retry import retried
from quartapp.houses import service as houses
from quartapp.houses import transfer
from quartapp.houses.models import House
from quartapp.houses.search import Search
from quartapp.web import house_files
from quartapp.web.db import database, reading, writing
from quartapp.web.guards import person, signed_in
from quartapp.web.house_form import Typed
from quartapp.web.house_search import SIZES, Asked, Listed, look_up
from quartapp.web.i18n import _
from quartapp.web.registry import delete_house

bp = Blueprint("houses", __name__)

CHANGES = 20  # of a house, that its page tells

Page = tuple[str, int]


@bp.get("/houses")
@signed_in
async def index() -> str | Page | tuple[str, int, dict[str, str]]:
    """List the houses that are asked for."""
    asked = Asked.of(request.args)
    try:
        return await _list(await look_up(asked))
    except Invalid as error:
        return await _list(Listed(asked, errors=error.fields)), 400
    except TooSlow:
        return await _list(Listed(asked, too_slow=True)), 503, {"Retry-After": "5"}


@bp.get("/houses/export.csv")
@signed_in
async def export() -> Response:
    """Send all that a search finds, as it is read."""
    chosen = Asked.of(request.args).search()
    kind = "spreadsheets" if request.args.get("for") == "spreadsheets" else "csv"
    records = _records(database(), transfer.FORMATS[kind], chosen)
    answer = Response(records, mimetype="text/csv")
    answer.timeout = None  # as long as the client takes
    answer.headers.set("Content-Disposition", "attachment", filename=f"houses-{now():%Y-%m-%d}.csv")
    return answer


@bp.get("/houses/new")
@signed_in
async def new() -> str:
    """Show an empty form."""
    return await render_template("site/houses/new.html", typed={}, errors={})


@bp.post("/houses/new")
@signed_in
async def create() -> WerkzeugResponse | Page:
    """Make a house."""
    typed = Typed.of(await request.form)
    try:
        house = await _create(typed)
    except (Invalid, Conflict) as error:
        page = await render_template("site/houses/new.html", typed=typed.texts, errors=error.fields)
        return page, 409 if isinstance(error, Conflict) else 400
    await flash(_("The house was added."), "success")
    return redirect(url_for(".show", id=house.id), 303)


@bp.get("/house/<house:id>")
@signed_in
async def show(id: str) -> str:
    """Show a house, what was changed in it, and its files."""
    async with reading() as db:
        house = await houses.get(db, id=id)
        entries = await audit.history(db, action="house", subject=id, limit=CHANGES)
    files = await house_files.listing(id)
    told = [_told(entry) for entry in entries if entry.subject == id]
    return await render_template("site/houses/show.html", house=house, changes=told, files=files)


@bp.get("/house/<house:id>/edit")
@signed_in
async def edit(id: str) -> str:
    """Show a house as a form."""
    async with reading() as db:
        house = await houses.get(db, id=id)
    return await _form(house, Typed.as_is(house), {})


@bp.post("/house/<house:id>/edit")
@signed_in
async def save(id: str) -> WerkzeugResponse | Page:
    """Change a house, if it still is what the form was filled from."""
    typed = Typed.of(await request.form)
    async with reading() as db:
        house = await houses.get(db, id=id)
    changes = typed.changes(house)
    try:
        await _update(id, changes, typed.seen)
    except Changed as changed:
        return await _conflict(changed.current, typed), 409
    except Invalid as error:
        return await _form(house, typed, error.fields), 400
    await flash(_("Saved.") if changes else _("Nothing was changed."), "success")
    return redirect(url_for(".show", id=id), 303)


@bp.get("/house/<house:id>/delete")
@signed_in
async def delete(id: str) -> str:
    """Ask whether that is meant."""
    async with reading() as db:
        house = await houses.get(db, id=id)
    return await _confirm(house)


@bp.post("/house/<house:id>/delete")
@signed_in
async def delete_now(id: str) -> WerkzeugResponse | Page:
    """Delete a house, if it still is what was shown."""
    seen = (await request.form).get("seen", "")
    try:
        await delete_house(id=id, expected=seen, by=person().actor)
    except Changed as changed:
        return await _confirm(changed.current, changed=True), 409
    await flash(_("The house was deleted."), "success")
    return redirect(url_for(".index"), 303)


@retried
async def _create(typed: Typed) -> House:
    async with writing() as db:
        return await houses.create(db, **typed.new_house(), by=person().actor)


@retried
async def _update(id: str, changes: dict[str, str | None], seen: str) -> None:
    async with writing() as db:
        await houses.update(db, id=id, changes=changes, expected=seen, by=person().actor)


async def _list(listed: Listed) -> str:
    return await render_template("site/houses/list.html", listed=listed, sizes=SIZES)


async def _form(house: House, typed: Typed, errors: Mapping[str, Any]) -> str:
    return await render_template("site/houses/edit.html", house=house, typed=typed, errors=errors)


async def _conflict(current: Any, typed: Typed) -> str:
    seen = houses.fingerprint(current)
    rows = typed.against(current)
    return await render_template(
        "site/houses/conflict.html", house=current, typed=typed, rows=rows, seen=seen
    )


async def _confirm(house: Any, *, changed: bool = False) -> str:
    seen = houses.fingerprint(house)
    files = await house_files.listing(house.id)
    return await render_template(
        "site/houses/delete.html", house=house, seen=seen, changed=changed, files=files
    )


async def _records(source: Database, format: transfer.Format, chosen: Search) -> AsyncIterator[str]:
    yield format.header
    async for records in transfer.dump(source.reading, format=format, chosen=chosen):
        yield "".join(records)


def _told(entry: AuditEntry) -> dict[str, Any]:
    """A change with the fields that it changed, each with its old and new value."""
    detail: dict[str, list[str | None]] = json.loads(entry.detail)
    return {
        "entry": entry,
        "fields": [(name, detail[name]) for name in houses.COLUMNS if name in detail],
    }
