"""The API for programs, under /api/v1, and what describes it."""

from __future__ import annotations

from quart import Blueprint, Quart, Response

from quartapp.web import problems
from quartapp.web.api import auth, bulk, docs, files, houses, me, people
from quartapp.web.api.tokens import use_tokens

PARTS = (auth, me, houses, bulk, files, people)


def mount(app: Quart) -> None:
    """Mount the API and the pages about it at `/api`."""
    v1 = Blueprint("api", __name__, url_prefix="/api/v1")
    for part in PARTS:
        v1.register_blueprint(part.bp)
    for kind in problems.ANSWERED:
        v1.register_error_handler(kind, problems.for_error)
    v1.after_request(keep_private)
    use_tokens(app).use_for(v1)
    app.register_blueprint(v1)
    app.register_blueprint(docs.bp, url_prefix="/api")


async def keep_private(response: Response) -> Response:
    """An answer is its caller's alone; they may keep it, and ask each time whether it still holds.

    Unless it says itself how it may be kept.
    """
    response.vary.add("Authorization")
    response.headers.setdefault("Cache-Control", "private, no-cache")
    return response
