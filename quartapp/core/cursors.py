"""Cursors: a place in the order of a list, as a text that goes into an address."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from quartapp.core.errors import Invalid, Refusal
from quartapp.core.text import is_storable

VERSION = 1
LONGEST = 4096  # characters: more than any value and id take


@dataclass(frozen=True)
class Place:
    """Where something stands in an order: its value there, and its id."""

    value: str | None
    id: str


def written(order: str, place: Place) -> str:
    """The cursor of a place in that order."""
    data = json.dumps([VERSION, order, place.value, place.id], separators=(",", ":"))
    return base64.urlsafe_b64encode(data.encode()).decode().rstrip("=")


def read(order: str, cursor: str) -> Place:
    """The place that a cursor names. Raises Invalid if it is none, or one of another order."""
    if len(cursor) > LONGEST:
        raise _foreign()
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        data = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        found = json.loads(data)
    except (UnicodeEncodeError, binascii.Error, ValueError, RecursionError):
        raise _foreign() from None
    match found:
        case [int(version), str(given), None | str() as value, str(id)]:
            known = version == VERSION and given == order
            if known and is_storable(id) and (value is None or is_storable(value)):
                return Place(value, id)
    raise _foreign()


def _foreign() -> Invalid:
    refused = Refusal("cursor", "is no cursor of this list in this order")
    return Invalid("the cursor is none of this list in this order", fields={"cursor": refused})
