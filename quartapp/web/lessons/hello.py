"""Hello: the smallest application, one route and its answer."""

from __future__ import annotations

from quart import Blueprint

bp = Blueprint("hello", __name__)


@bp.get("/flask")
async def hello() -> str:
    """Greet."""
    return "Hello Flask"
