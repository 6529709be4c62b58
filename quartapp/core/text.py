"""Text as it comes in from outside."""

from __future__ import annotations


def is_storable(value: str) -> bool:
    """Whether UTF-8 can carry this text: JSON can bring half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
