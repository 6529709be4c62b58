"""Bootstrap's files, from the package that ships them."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from quart import Response, request, url_for

from quartapp.web.static import StaticBlueprint

A_YEAR = 365 * 24 * 3600  # seconds
VERSION = version("bootstrap-flask")


def _folder() -> Path:
    """Where the files are; the package itself is Flask's, and is not imported."""
    spec = find_spec("flask_bootstrap")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("bootstrap-flask is not installed")
    return Path(spec.origin).parent / "static" / "bootstrap5"


bp = StaticBlueprint(
    "bootstrap",
    __name__,
    static_folder=str(_folder()),
    static_url_path="/static/vendor/bootstrap",
)


@bp.after_request
async def keep_for_long(response: Response) -> Response:
    """Let browsers keep a file whose address has its version: another one has another address."""
    if response.status_code == 200 and request.args.get("v") == VERSION:
        response.cache_control.public = True
        response.cache_control.max_age = A_YEAR
        response.cache_control.immutable = True
        response.cache_control.no_cache = None
    return response


def bootstrap(filename: str) -> str:
    """The address of a file of Bootstrap: `css/bootstrap.min.css`."""
    return url_for("bootstrap.static", filename=filename, v=VERSION)
