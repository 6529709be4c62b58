"""Houses, paged: parameters from a JSON body, pages as Flask-SQLAlchemy counts them."""

from __future__ import annotations

from typing import Any

from quart import Blueprint, request

from quartapp.houses import service as houses
from quartapp.web.db import asking
from quartapp.web.json_body import json_body
from quartapp.web.lessons._houses import as_json

bp = Blueprint("houses_page", __name__)

FIRST_PAGE = 1
PAGE_SIZE = 20


@bp.post("/")
async def page() -> tuple[dict[str, Any], int]:
    """One page of the houses, of all or of those with exactly the name asked for."""
    data = await json_body()
    if not isinstance(data, dict):
        return {"message": "The body must be a JSON object"}, 400
    try:
        number = wanted(data.get("page"), "page", otherwise=FIRST_PAGE)
        size = wanted(data.get("size"), "per_page", otherwise=PAGE_SIZE)
        name = project_name(data.get("name"))
    except ValueError as error:
        return {"message": str(error)}, 400
    async with asking() as db:
        found = await houses.page(db, number=number, size=size, project_name=name)
    return {
        "users": [as_json(row) for row in found.items],
        "total_pages": found.pages,
        "current_page": found.number,
    }, 200


def wanted(value: object, argument: str, *, otherwise: int) -> int:
    """A page's number or size: from the body, else from the query string, else the default.

    What is below 1 means the default, as in `paginate(error_out=False)`; so does rubbish in the
    query string. Raises ValueError for rubbish in the body.
    """
    if value is None:
        number = request.args.get(argument, otherwise, type=int)
    else:
        number = whole_number(value)
    return number if number >= 1 else otherwise


def whole_number(value: object) -> int:
    """A JSON value as a whole number, also where a text spells one. Raises ValueError."""
    match value:
        case bool():
            raise ValueError("page and size must be whole numbers")
        case int():
            return value
        case float() if value.is_integer():
            return int(value)
        case str() if value.strip().removeprefix("-").isdecimal():
            return int(value)
    raise ValueError("page and size must be whole numbers")


def project_name(value: object) -> str | None:
    """The name to look for; None if absent or empty. Raises ValueError for a list or an object."""
    if not value:
        return None
    if isinstance(value, (list, dict)):
        raise ValueError("name must be a text")
    return str(value)
