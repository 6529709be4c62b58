"""Refusals for programs: problem+json (RFC 9457) with a stable `code`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

from quart import Response, current_app, request
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from quartapp.core.errors import (
    Busy,
    Changed,
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    Later,
    NoRoom,
    NotFound,
    NotReady,
    Refusal,
    TooMany,
    TooSlow,
)
from quartapp.db.database import reason
from quartapp.jwt.bearer import challenge, code_and_status
from quartapp.jwt.exceptions import InsufficientScopeError
from quartapp.jwt.refusals import REFUSALS
from quartapp.telemetry import metrics
from quartapp.web.request_id import request_id

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2  # seconds after which a database that is away may be back

# Which status a refusal by a service gets; the first kind that fits.
STATUSES: dict[type[DomainError], int] = {
    NotFound: 404,
    Forbidden: 403,
    Conflict: 409,
    Invalid: 422,
    TooMany: 429,
    TooSlow: 503,
    Busy: 503,
    NotReady: 503,
    NoRoom: 507,
}
# What says that the database could not do it now.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout, NotReady)
# What blueprints of the API hand to for_error; any other error is the server's fault.
ANSWERED = (*DATABASE_AWAY, DomainError, HTTPException, *REFUSALS)

_SAFE = {"GET", "HEAD"}
_ESCAPES = str.maketrans({"~": "~0", "/": "~1"})


class Refused(HTTPException):
    """A request that is refused as it stands, whatever a service would say of it.

    `name_of_it` is the problem's code, `errors` are what `problem` takes.
    """

    def __init__(
        self, status: int, code: str, detail: str, errors: Sequence[Mapping[str, object]] = ()
    ) -> None:
        super().__init__(detail)
        self.code = status
        self.name_of_it = code
        self.errors = errors


def problem(
    status: int,
    *,
    code: str,
    detail: str = "",
    errors: Iterable[Mapping[str, object]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer to a request that is refused.

    Each of `errors` names a place (`pointer`, a JSON pointer into the body, or `parameter`), and
    has a `code` and a `detail` of its own.
    """
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": list(errors),
        "request_id": request_id(),
    }
    told = {name: value for name, value in body.items() if value not in ("", [])}
    text = json.dumps(told, ensure_ascii=False)
    answer = Response(text.encode("utf-8", "replace"), status, content_type=MEDIA_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    answer.headers.update(headers or {})
    return answer


async def for_error(error: Exception) -> Response:
    """The answer to whatever went wrong; what nobody foresaw is 500 and says no more."""
    if isinstance(error, DATABASE_AWAY):
        note_away(error)
        return _later("not-ready", "The database could not do it now. Try again soon.")
    if isinstance(error, DomainError):
        return _for_domain_error(error)
    if isinstance(error, tuple(REFUSALS)):
        return _for_token(error)
    if isinstance(error, HTTPException):
        return _for_http_error(error)
    return problem(500, code="internal-error")


def note_away(error: Exception) -> None:
    """Write down why the database could not do it."""
    current_app.logger.warning("database: %s", reason(error))
    if isinstance(error, PoolTimeout):
        metrics.pool_timeouts.inc()


def retry_after(error: DomainError) -> int:
    """The seconds after which one who was refused for now may ask again."""
    return error.retry_after if isinstance(error, Later) else RETRY_AFTER


def pointer(*steps: str | int) -> str:
    """A JSON pointer (RFC 6901) to the place that these names and positions lead to."""
    return "".join(f"/{str(step).translate(_ESCAPES)}" for step in steps)


def json_name(name: str) -> str:
    """The name in JSON of an argument of a service: `project_no` is `projectNo`."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _for_domain_error(error: DomainError) -> Response:
    status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 500)
    if isinstance(error, Changed) and "If-Match" in request.headers:
        status = 412
    if isinstance(error, (TooSlow, Later)):
        return _later(error.code, error.message, status=status, seconds=retry_after(error))
    errors = [_field_error(name, refusal) for name, refusal in error.fields.items()]
    return problem(status, code=error.code, detail=error.message, errors=errors)


def _field_error(name: str, refusal: Refusal) -> dict[str, str]:
    named = json_name(name)
    place = {"parameter": named} if request.method in _SAFE else {"pointer": pointer(named)}
    return {**place, "code": refusal.code, "detail": str(refusal)}


def _for_token(error: Exception) -> Response:
    """Answer a token that is refused as RFC 6750 section 3 has it."""
    code, status = code_and_status(error)
    scopes = error.scopes if isinstance(error, InsufficientScopeError) else ()
    value = challenge(code, str(error), scopes=scopes)
    name = (code or "token-missing").replace("_", "-")
    return problem(status, code=name, detail=str(error), headers={"WWW-Authenticate": value})


def _for_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 500:
        return problem(500, code="internal-error")
    detail = error.description or ""
    if isinstance(error, Refused):
        return problem(status, code=error.name_of_it, detail=detail, errors=error.errors)
    headers = dict(error.get_headers())
    del headers["Content-Type"]
    code = HTTPStatus(status).phrase.lower().replace(" ", "-").replace("'", "")
    return problem(status, code=code, detail=detail, headers=headers)


def _later(code: str, detail: str, *, status: int = 503, seconds: int = RETRY_AFTER) -> Response:
    return problem(status, code=code, detail=detail, headers={"Retry-After": str(seconds)})
