"""A line of the log as data: a name that never changes, and what belongs to it."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Final

# The id of the request at hand, "" outside of one: every line that is written meanwhile has it.
request_id: Final[ContextVar[str]] = ContextVar("quartapp_request_id", default="")


class Event:
    """What is handed to a logger of the standard library in place of a text.

    `quartapp.telemetry.logs` writes the fields as they are; whatever else is set up writes them
    behind the name.
    """

    __slots__ = ("fields", "name")

    def __init__(self, name: str, fields: Mapping[str, object]) -> None:
        self.name = name
        self.fields = fields

    def __str__(self) -> str:
        return " ".join((self.name, *(f"{key}={value!r}" for key, value in self.fields.items())))
