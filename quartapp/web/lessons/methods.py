"""HTTP methods: one route for each; HEAD and OPTIONS are added by the framework."""

from __future__ import annotations

from quart import Blueprint

bp = Blueprint("methods", __name__)


@bp.get("/get_request")
async def get_request() -> str:
    """Answer a GET, and the HEAD that comes with it."""
    return "GET请求"


@bp.post("/post_request")
async def post_request() -> str:
    """Answer a POST."""
    return "POST请求"


@bp.delete("/delete_request")
async def delete_request() -> str:
    """Answer a DELETE."""
    return "DELETE请求"


@bp.put("/put_request")
async def put_request() -> str:
    """Answer a PUT."""
    return "PUT请求"


@bp.route("/head_request", methods=["HEAD"])
async def head_request() -> str:
    """Answer a HEAD: the headers are those of this text, which itself is not sent."""
    return "HEAD请求"
