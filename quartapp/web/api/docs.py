"""The API described: as OpenAPI for programs, as a page to read and try for people."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from quart import Blueprint, Response, abort, current_app, render_template, request

from quartapp.web.api.openapi import document
from quartapp.web.static import send_static

bp = Blueprint("api_docs", __name__)

_DOCUMENT = "quartapp.openapi"
# Of all that the package brings along: its other pages have scripts of their own.
_FILES = {"swagger-ui.css", "swagger-ui-bundle.js"}


def _folder() -> Path:
    """Where the files of Swagger UI are; the package itself is not imported."""
    spec = find_spec("swagger_ui")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("swagger-ui-py is not installed")
    return Path(spec.origin).parent / "static"


_FOLDER = _folder()


@bp.get("/openapi.json")
async def openapi() -> Response:
    """Describe the API, as it is reached from here."""
    known = current_app.extensions
    if _DOCUMENT not in known:
        known[_DOCUMENT] = document(cast(Any, current_app)._get_current_object())
    told = known[_DOCUMENT] | {"servers": [{"url": request.root_path or "/"}]}
    text = json.dumps(told, ensure_ascii=False)  # in the order in which it was made
    response = Response(text.encode(), content_type="application/json")
    await response.add_etag()
    await response.make_conditional(request)
    return response


@bp.get("/docs")
async def docs() -> str:
    """Show the description, and let people try it."""
    return await render_template("api/docs.html")


@bp.get("/docs/<filename>")
async def asset(filename: str) -> Response:
    """A file of Swagger UI."""
    if filename not in _FILES:
        abort(404)
    return await send_static(_FOLDER, filename)
