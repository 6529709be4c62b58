"""What went wrong becomes a status, once: domain errors, a database that is away, HTTP errors."""

from __future__ import annotations

from quart import Quart, Response, current_app, jsonify
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from quartapp.core.errors import Conflict, DomainError, Invalid, NotFound, NotReady
from quartapp.db.database import reason

STATUSES: dict[type[DomainError], int] = {NotFound: 404, Conflict: 409, Invalid: 400}
RETRY_AFTER = 2  # seconds after which a database that is away may be back


async def refused(error: DomainError) -> tuple[Response, int]:
    """Answer a refusal by a service."""
    status = next(status for kind, status in STATUSES.items() if isinstance(error, kind))
    return jsonify(message=error.message, code=error.code), status


async def database_away(error: Exception) -> tuple[Response, int, dict[str, str]]:
    """Answer for a database that could not do it now: it is away, locked, or has no room left."""
    current_app.logger.warning("database: %s", reason(error))
    answer = jsonify(message="The database could not do it now. Try again soon.", code="not-ready")
    return answer, 503, {"Retry-After": str(RETRY_AFTER)}


def install(app: Quart) -> None:
    """Register the handlers."""
    for kind in STATUSES:
        app.register_error_handler(kind, refused)
    for away in (OperationalError, InterfaceError, PoolTimeout, NotReady):
        app.register_error_handler(away, database_away)
