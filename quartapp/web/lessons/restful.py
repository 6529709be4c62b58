"""REST: a house as a resource, made, read and deleted by HTTP's own methods."""

from __future__ import annotations

from typing import Any

from quart import Blueprint, Response, has_request_context, jsonify, request
from quart.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from quartapp.audit.service import Actor
from quartapp.core.errors import Conflict, Invalid, NotFound
from quartapp.db.retry import retried
from quartapp.houses import service as houses
from quartapp.web import errors
from quartapp.web.db import reading, writing
from quartapp.web.json_body import json_body
from quartapp.web.lessons._houses import FIELDS, as_json, values_of
from quartapp.web.lessons._mount import app_of, root_of
from quartapp.web.registry import delete_house

bp = Blueprint("restful", __name__)

Answer = tuple[dict[str, Any], int]
LESSON = Actor(None, "lesson")


@bp.get("/user/<user_id>")
async def read(user_id: str) -> dict[str, Any]:
    """One house."""
    async with reading(snapshot=False) as db:
        house = await houses.get(db, id=user_id)
    return as_json(values_of(house))


@bp.post("/user")
async def create() -> Answer:
    """Make a house."""
    data = await json_body()
    if not isinstance(data, dict):
        return {"message": "The body must be a JSON object"}, 400
    if missing := [name for name in FIELDS if name not in data]:
        return {"message": f"Missing: {', '.join(missing)}"}, 400
    values = {column: as_text(data[name]) for name, column in FIELDS.items()}
    if values["id"] is None:
        raise Invalid("id is missing")
    await _create(values)
    return {"message": "创建成功"}, 201


@bp.delete("/user/<user_id>")
async def delete(user_id: str) -> dict[str, str]:
    """Delete a house."""
    await delete_house(id=user_id, by=LESSON)
    return {"message": "删除成功"}


@bp.errorhandler(NotFound)
async def unknown(error: NotFound) -> Answer:
    """Answer that there is no such house."""
    return {"message": "记录未找到" if request.method == "DELETE" else "House not found"}, 404


@bp.errorhandler(Conflict)
async def taken(error: Conflict) -> Answer:
    """Answer that the id exists."""
    return {"message": error.message}, 409


@bp.errorhandler(Invalid)
async def invalid(error: Invalid) -> Answer:
    """Answer that the table cannot hold a value."""
    return {"message": error.message}, 400


@bp.errorhandler(HTTPException)
async def refused(error: HTTPException) -> Response:
    """Answer every other refusal as JSON, with the headers that belong to it."""
    response = jsonify(message=error.description)
    response.status_code = error.code or 500
    if isinstance(error, MethodNotAllowed):
        response.allow.update(error.valid_methods or ())
    return response


@bp.record_once
def answer_405_as_json(state: BlueprintSetupState) -> None:
    """A method that no route takes is refused before any blueprint is asked: look out for it."""
    resources = f"{root_of(state).rstrip('/')}/user/"

    @app_of(state).errorhandler(MethodNotAllowed)
    async def refuse_method(error: MethodNotAllowed) -> errors.Answer | HTTPException:
        if has_request_context() and f"{request.path}/".startswith(resources):
            return await refused(error)
        return await errors.http_error(error)


@retried
async def _create(values: dict[str, Any]) -> None:
    async with writing() as db:
        await houses.create(db, **values, by=LESSON)


def as_text(value: object) -> Any:
    """What a text column would hold: numbers written out. Raises Invalid for what it cannot."""
    match value:
        case None | str():
            return value
        case bool() | int():
            return str(int(value))
        case float():
            return repr(value)
    raise Invalid("a value must be a text, a number or null")
