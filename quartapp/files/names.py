"""What people call a file: any text that is a name, and never a way to somewhere."""

from __future__ import annotations

import re
import unicodedata

from quartapp.core.errors import Invalid, Refusal
from quartapp.core.text import is_storable

LENGTH = 255  # characters, in any language
SHOWN = 60  # characters of a name that is refused


def clean(given: str) -> str:
    """The name that a client gives for a file, without the folders before it.

    It is kept as it is otherwise: nothing is ever stored under it. Raises Invalid for one that is
    empty or dots, too long, or no text.
    """
    name = re.split(r"[/\\]", given)[-1]
    if refused := _refusal(name):
        raise Invalid(f"the name {refused.values['name']!r} {refused}", fields={"name": refused})
    return name


def _refusal(name: str) -> Refusal | None:
    """Why this is no name; among the refusal's values is what to call the file nevertheless."""
    text = name.encode("utf-8", "replace").decode()
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    if not name.strip():
        return Refusal("empty", "is empty", name=shown)
    if name in {".", ".."}:
        return Refusal("dots", "is no name", name=shown)
    if len(name) > LENGTH:
        return Refusal("too-long", "is longer than %(limit)d characters", limit=LENGTH, name=shown)
    if not is_storable(name) or any(unicodedata.category(letter) == "Cc" for letter in name):
        return Refusal("no-text", "holds characters that are no text", name=shown)
    return None
