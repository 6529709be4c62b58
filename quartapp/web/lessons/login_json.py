"""Login by JSON: read a JSON body, answer with JSON."""

from __future__ import annotations

from typing import Any

from quart import Blueprint

from quartapp.web.json_body import json_body

bp = Blueprint("login_json", __name__)

FIELDS = ("user", "password")


@bp.get("/")
async def home() -> str:
    """Welcome."""
    return "欢迎来到主页"


@bp.post("/login")
async def login() -> tuple[dict[str, Any], int]:
    """Hand out the tutorial's token to the tutorial's user."""
    data = await json_body()
    if not isinstance(data, dict):
        return {"message": "The body must be a JSON object"}, 400
    if missing := [field for field in FIELDS if field not in data]:
        return {"message": f"Missing: {', '.join(missing)}"}, 400
    if data["user"] != "admin" or data["password"] != "123456":  # noqa: S105 - the tutorial's
        return {"message": "Wrong user or password"}, 401
    return {"token": "abcd123456", "birthdat": "2024-04-18"}, 200
