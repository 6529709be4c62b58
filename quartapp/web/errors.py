"""What went wrong becomes a status, once: domain errors, a database that is away, HTTP errors."""

from __future__ import annotations

from quart import Quart, Response, jsonify
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from quartapp.core.errors import Conflict, DomainError, Invalid, NotFound, NotReady

STATUSES: dict[type[DomainError], int] = {NotFound: 404, Conflict: 409, Invalid: 400}
RETRY_AFTER = 2  # seconds after which a database that is away may be back


async def refused(error: DomainError) -> tuple[Response, int]:
    """Answer a refusal by a service."""
    return jsonify(message=error.message, code=error.code), STATUSES[type(error)]


async def database_away(error: Exception) -> tuple[Response, int, dict[str, str]]:
    """Answer for a database that does not, or a pool with nothing left."""
    answer = jsonify(message="The database does not answer. Try again soon.", code="not-ready")
    return answer, 503, {"Retry-After": str(RETRY_AFTER)}


def install(app: Quart) -> None:
    """Register the handlers."""
    for kind in STATUSES:
        app.register_error_handler(kind, refused)
    for away in (OperationalError, InterfaceError, PoolTimeout, NotReady):
        app.register_error_handler(away, database_away)
