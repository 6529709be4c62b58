"""What can go wrong in the house's own terms; web/errors.py turns each into a status, once."""

from __future__ import annotations


class DomainError(Exception):
    """A refusal by a service. `code` is stable and for programs, the message for people."""

    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(DomainError):
    """The thing asked for does not exist."""

    code = "not-found"


class Conflict(DomainError):
    """The thing is there already, or was changed meanwhile."""

    code = "conflict"


class Invalid(DomainError):
    """A value cannot be taken; `fields` holds one reason for each field refused."""

    code = "invalid"

    def __init__(self, message: str, *, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class NotReady(DomainError):
    """The house cannot work yet: a database is away, or not migrated."""

    code = "not-ready"


class CannotAdopt(DomainError):
    """Tables that exist cannot be taken over; `problems` holds a line for each thing in the way."""

    code = "cannot-adopt"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(
            "the tables that exist cannot be taken over; nothing was changed:\n"
            + "\n".join(f"  {problem}" for problem in problems)
        )
        self.problems = problems
