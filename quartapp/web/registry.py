"""What concerns more than one room: a house goes together with its files."""

from __future__ import annotations

from quart import current_app

from quartapp.audit.service import Actor
from quartapp.db.retry import retried
from quartapp.files import service as files
from quartapp.houses import service as houses
from quartapp.web.db import writing
from quartapp.web.house_files import app_storage


@retried
async def delete_house(*, id: str, expected: str | None = None, by: Actor) -> None:
    """Remove a house and its files. Raises NotFound, or Changed if it is not as `expected`."""
    async with writing() as db:
        await houses.delete(db, id=id, expected=expected, by=by)
        keys = await files.remove_all(db, house_id=id, by=by)
    if keys:
        await app_storage(current_app).remove(keys)
