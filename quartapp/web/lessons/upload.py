"""Uploads: a file, written as it arrives, under a name that cannot leave its folder."""

from __future__ import annotations

from pathlib import Path

from quart import Blueprint, current_app, render_template, request
from quart.blueprints import BlueprintSetupState

from quartapp.paths import TEMPLATES
from quartapp.web.lessons._mount import app_of
from quartapp.web.uploads import prepare, save_upload

bp = Blueprint("upload", __name__, template_folder=TEMPLATES)


@bp.record_once
def make_folder(state: BlueprintSetupState) -> None:
    """Make the folder at start: UPLOAD_FOLDER, or `upload` where nothing is said."""
    folder = app_of(state).config.setdefault("UPLOAD_FOLDER", "upload")
    prepare(Path(folder))


@bp.get("/upload")
async def upload() -> str:
    """Show the form."""
    return await render_template("lessons/upload/upload.html")


@bp.route("/uploader", methods=["GET", "POST"])
async def uploader() -> str:
    """Show the form, or save the file of its field `file`."""
    if request.method != "POST":
        return await upload()
    await save_upload(request, field="file", folder=Path(current_app.config["UPLOAD_FOLDER"]))
    return "文件上传成功"
