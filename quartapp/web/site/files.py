"""The files of a house: added, shown, sent, deleted."""

from __future__ import annotations

from typing import Any

from quart import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from quartapp.core.errors import Invalid
from quartapp.db.retry import retried
from quartapp.files import service
from quartapp.files.incoming import Incoming
from quartapp.files.models import HouseFile
from quartapp.web import house_files
from quartapp.web.db import reading, writing
from quartapp.web.guards import person, signed_in
from quartapp.web.i18n import _, ngettext, told

bp = Blueprint("files", __name__)

FROM_SCRIPT = "application/json"  # what upload.js accepts


@bp.get("/house/<house:id>/files")
@signed_in
async def index(id: str) -> str:
    """Show the files, from the latest or from one on."""
    return await _page(id, before=request.args.get("before", ""))


@bp.post("/house/<house:id>/files")
@signed_in
async def add(id: str) -> WerkzeugResponse | tuple[str | dict[str, Any], int]:
    """Add the files of the form: all of them, or none."""
    by_script = request.accept_mimetypes.best == FROM_SCRIPT
    try:
        async with house_files.received(house_id=id) as taking:
            added = await _keep(taking, id)
    except Invalid as error:
        reason = _reason(error)
        return ({"message": reason} if by_script else await _page(id, refused=reason)), 400
    if by_script:
        return {"added": [file.name for file in added]}, 201
    count = len(added)
    await flash(ngettext("One file was added.", "%(count)d files were added.", count), "success")
    return redirect(url_for("houses.show", id=id, _anchor="files"), 303)


@bp.get("/house/<house:id>/files/<file_id>")
@signed_in
async def download(id: str, file_id: str) -> Response:
    """Send the content of a file."""
    return await house_files.content(house_id=id, id=file_id)


@bp.get("/house/<house:id>/files/<file_id>/thumbnail")
@signed_in
async def thumbnail(id: str, file_id: str) -> Response:
    """Send the small picture of an image."""
    return await house_files.thumbnail(house_id=id, id=file_id)


@bp.get("/house/<house:id>/files/<file_id>/delete")
@signed_in
async def delete(id: str, file_id: str) -> str:
    """Ask whether that is meant."""
    async with reading() as db:
        file = await service.get(db, house_id=id, id=file_id)
    return await render_template("site/files/delete.html", file=file)


@bp.post("/house/<house:id>/files/<file_id>/delete")
@signed_in
async def delete_now(id: str, file_id: str) -> WerkzeugResponse:
    """Delete a file."""
    await house_files.remove(house_id=id, id=file_id, by=person().actor)
    await flash(_("The file was deleted."), "success")
    return redirect(url_for("houses.show", id=id, _anchor="files"), 303)


@retried
async def _keep(taking: Incoming, id: str) -> list[HouseFile]:
    async with writing() as db:
        added = await house_files.add(db, taking, house_id=id, by=person().actor)
        taking.keep()
    return added


async def _page(id: str, *, before: str = "", refused: str = "") -> str:
    files = await house_files.listing(id, before=before)
    return await render_template("site/files/index.html", files=files, refused=refused)


def _reason(error: Invalid) -> str:
    """Why nothing was added, as the form says it."""
    if (refusal := error.fields.get("name")) is None:
        return _("No file was chosen.")
    return _("The name “%(name)s” %(why)s.", name=refusal.values["name"], why=told(refusal))
