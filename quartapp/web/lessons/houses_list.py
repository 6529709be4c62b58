"""Houses, listed: a first query with SQLAlchemy."""

from __future__ import annotations

from typing import Any

from quart import Blueprint

from quartapp.houses import service as houses
from quartapp.web.db import reading

bp = Blueprint("houses_list", __name__)


@bp.get("/")
async def ids() -> dict[str, Any]:
    """The id of every house."""
    async with reading(snapshot=False) as db:
        found = await houses.ids(db)
    return {"users": [{"id": id} for id in found]}
