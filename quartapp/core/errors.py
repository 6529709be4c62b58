"""What can go wrong in the house's own terms; web/errors.py turns each into a status, once."""

from __future__ import annotations

import math
from collections.abc import Mapping


class Refusal:
    """Why one field is refused: a stable `code` for programs, a text for people.

    `template` is the text as translators see it, `values` what stands in for its %(names)s.
    """

    def __init__(self, code: str, template: str, **values: object) -> None:
        self.code = code
        self.template = template
        self.values = values

    def __str__(self) -> str:
        return self.template % self.values

    def __repr__(self) -> str:
        return f"Refusal({self.code!r}, {str(self)!r})"


class DomainError(Exception):
    """A refusal by a service. `code` is stable and for programs, the message for people.

    `fields` holds a reason for each field refused, by the names of the service's arguments.
    """

    code = "error"

    def __init__(self, message: str, *, fields: Mapping[str, Refusal] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})


class NotFound(DomainError):
    """The thing asked for does not exist."""

    code = "not-found"


class Forbidden(DomainError):
    """Whoever asks may not do that."""

    code = "forbidden"


class Conflict(DomainError):
    """The thing is there already, or was changed meanwhile."""

    code = "conflict"


class Changed(Conflict):
    """The thing is not what the caller has seen; `current` is what it is now."""

    code = "changed"

    def __init__(self, message: str, *, current: object) -> None:
        super().__init__(message)
        self.current = current


class Invalid(DomainError):
    """A value cannot be taken."""

    code = "invalid"


class TooSlow(DomainError):
    """The answer would take longer than anybody may hold the database for it."""

    code = "too-slow"


class Later(DomainError):
    """It cannot be done now; `retry_after` seconds later it may be another matter."""

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = max(1, math.ceil(retry_after))


class Busy(Later):
    """Too many ask for it now."""

    code = "busy"


class TooMany(Later):
    """Whoever asks has tried too often."""

    code = "rate-limited"


class NotReady(DomainError):
    """The house cannot work yet: a database is away, or not migrated."""

    code = "not-ready"


class Degraded(DomainError):
    """The house works, but without something that it should have."""

    code = "degraded"


class NoRoom(DomainError):
    """There is no room left for what is to be kept."""

    code = "no-room"


class CannotAdopt(DomainError):
    """Tables that exist cannot be taken over; `problems` holds a line for each thing in the way."""

    code = "cannot-adopt"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(
            "the tables that exist cannot be taken over; nothing was changed:\n"
            + "\n".join(f"  {problem}" for problem in problems)
        )
        self.problems = problems
