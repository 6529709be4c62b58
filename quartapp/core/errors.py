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
