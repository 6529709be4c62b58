"""What went wrong becomes an answer, once: problem+json, a page, or what Flask would answer.

The address decides: programs ask below /api/, the lessons answer as the tutorial's programs do,
and everything else is read by people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from quart import (
    Quart,
    Response,
    current_app,
    g,
    has_request_context,
    jsonify,
    render_template,
)
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from quartapp.core.errors import DomainError, Invalid, Refusal
from quartapp.web import problems
from quartapp.web.addresses import asked, in_a_lesson, in_the_api
from quartapp.web.middleware.body_limit import TOO_LARGE
from quartapp.web.problems import DATABASE_AWAY, RETRY_AFTER, note_away, retry_after
from quartapp.web.request_id import request_id

Answer = (
    Response
    | tuple[Response, int]
    | tuple[Response, int, dict[str, str]]
    | tuple[str, int, dict[str, str]]
)

INVALID = 400  # where a form was to be filled in; the API answers 422
AWAY = "The database could not do it now. Try again soon."


async def refused(error: DomainError) -> Answer:
    """Answer a refusal by a service."""
    if in_the_api():
        return await problems.for_error(error)
    status = _status(error)
    headers = {"Retry-After": str(retry_after(error))} if status in {429, 503} else {}
    if not _has_pages() or in_a_lesson():
        return jsonify(message=error.message, code=error.code), status, headers
    return await _page(status, headers, error.fields.values())


async def database_away(error: Exception) -> Answer:
    """Answer for a database that could not do it now: it is away, locked, or has no room left."""
    if in_the_api():
        return await problems.for_error(error)
    note_away(error)
    headers = {"Retry-After": str(RETRY_AFTER)}
    if not _has_pages() or in_a_lesson():
        return jsonify(message=AWAY, code="not-ready"), 503, headers
    g.without_database = True  # the page does not ask it who is signed in
    return await _page(503, headers)


async def http_error(error: HTTPException) -> Answer | HTTPException:
    """Answer a request that the framework or a view refused, or that failed unforeseen (500)."""
    if has_request_context() and in_the_api():
        return await problems.for_error(error)
    if not has_request_context() or not _has_pages() or in_a_lesson() or error.response:
        return error
    status = error.code or 500
    if status == 500:
        g.without_database = True
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    return await _page(status, headers)


async def refuse_too_large() -> None:
    """Refuse a request whose body the server did not take."""
    if TOO_LARGE in asked().scope:
        raise RequestEntityTooLarge


def install(app: Quart) -> None:
    """Register the handlers."""
    app.before_request(refuse_too_large)
    app.register_error_handler(DomainError, refused)
    for away in DATABASE_AWAY:
        app.register_error_handler(away, database_away)
    app.register_error_handler(HTTPException, http_error)


def _status(error: DomainError) -> int:
    if isinstance(error, Invalid):
        return INVALID
    status = next((s for kind, s in problems.STATUSES.items() if isinstance(error, kind)), 500)
    return 503 if status == 507 else status  # a page tells people to try again later


def _has_pages() -> bool:
    return "site" in current_app.blueprints


async def _page(
    status: int, headers: Mapping[str, str], refusals: Iterable[Refusal] = ()
) -> tuple[str, int, dict[str, str]]:
    """The page that says what went wrong and what to do next."""
    page = await render_template(
        "site/error.html", status=status, refusals=list(refusals), request_id=request_id()
    )
    return page, status, dict(headers)
