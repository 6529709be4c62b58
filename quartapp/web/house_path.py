"""A house's id in a path: any text, in one segment that no proxy or browser takes apart."""

from __future__ import annotations

from werkzeug.routing import BaseConverter, ValidationError

DOTS = {".", ".."}  # segments that mean a folder, escaped or not
EMPTY = "~3"  # the id that other programs may have given: a segment cannot be nothing


def escaped(id: str) -> str:
    """The id as a path spells it, before percent-encoding: as a JSON pointer does, and dots."""
    if not id:
        return EMPTY
    if id in DOTS:
        return id.replace(".", "~2")
    return id.replace("~", "~0").replace("/", "~1")


def unescaped(segment: str) -> str:
    """The id that a path spells. Raises ValueError if `escaped` would spell it otherwise."""
    id = segment.replace(EMPTY, "").replace("~2", ".").replace("~1", "/").replace("~0", "~")
    if escaped(id) != segment:
        raise ValueError("this is not how a path spells an id")
    return id


class HousePath(BaseConverter):
    """The converter `house`: `<house:id>` in a rule."""

    # What no id is spelt like is no match at all, whatever the method.
    regex = "~3|(?:~2){1,2}|(?:[^/~]|~[01])+"
    part_isolating = True

    def to_python(self, value: str) -> str:
        """Read the id. Raises ValidationError, so that there is no such page."""
        try:
            return unescaped(value)
        except ValueError as error:
            raise ValidationError(str(error)) from None

    def to_url(self, value: str) -> str:
        """Spell the id."""
        return super().to_url(escaped(value))
