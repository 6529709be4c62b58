"""Converters: values in the path, checked and converted by the route."""

from __future__ import annotations

from markupsafe import escape
from quart import Blueprint

bp = Blueprint("converters", __name__)


@bp.get("/strs/<name>")
async def strs(name: str) -> str:
    """Take a text without a slash, which is what a route takes if nothing is said."""
    return f"Hello {escape(name)}"


@bp.get("/floats/<float:version>")
async def floats(version: float) -> str:
    """Take a number with a decimal point."""
    return str(version)


@bp.get("/ints/<int:version>")
async def ints(version: int) -> str:
    """Take a whole number."""
    return f"整数为 {version}"


@bp.get("/paths/<path:subpath>")
async def paths(subpath: str) -> str:
    """Take a text with slashes."""
    return f"路径为 {escape(subpath)}"
