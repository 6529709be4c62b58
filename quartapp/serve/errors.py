"""Why the server could not start, or had to stop."""

from __future__ import annotations

REFUSED = 2  # what was asked for cannot be done: mend the options, the settings or the file
FAILED = 1  # it could be done, but not now: a port is taken, a database is away


class ServeError(Exception):
    """The server ends with a reason; `status` is the command's exit status."""

    def __init__(self, message: str, *, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status
