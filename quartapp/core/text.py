"""Text as it comes in from outside."""

from __future__ import annotations


def is_storable(value: str) -> bool:
    """Whether a database can be given this text: JSON can carry half a surrogate pair, UTF-8 not."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
