"""The form of a house: what was typed, beside what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quartapp.houses import service as houses
from quartapp.houses.models import House

OPENED = "opened_"  # before the name of a field: what stood there when the form was opened
TAKE = "take_"  # before the name of a field: whose value is taken
MINE, THEIRS = "mine", "theirs"


@dataclass(frozen=True)
class Choice:
    """A field that is not the same with both: when the form was opened, theirs, and mine."""

    name: str
    opened: str | None
    theirs: str | None
    mine: str
    take: str


@dataclass(frozen=True)
class Typed:
    """What a form brought. A browser gives every line end as CR LF; NULL and "" look alike."""

    texts: Mapping[str, str]
    opened: Mapping[str, str]
    taken: Mapping[str, str]
    seen: str

    @classmethod
    def of(cls, form: Mapping[str, str]) -> Typed:
        """What was typed into a form."""
        everything = form.get("all", "")
        return cls(
            texts={name: form[name] for name in houses.COLUMNS if name in form},
            opened=_behind(OPENED, form),
            taken=dict.fromkeys(houses.COLUMNS, everything) if everything else _behind(TAKE, form),
            seen=form.get("seen", ""),
        )

    @classmethod
    def as_is(cls, house: House) -> Typed:
        """A form that nobody has typed into yet."""
        texts = {name: getattr(house, name) or "" for name in houses.CHANGEABLE}
        return cls(texts=texts, opened=texts, taken={}, seen=houses.fingerprint(house))

    def new_house(self) -> dict[str, Any]:
        """The values of a new house; an empty field is NULL, an empty id is made."""
        return {name: _one_line_end(self.texts.get(name, "")) or None for name in houses.COLUMNS}

    def changes(self, house: House) -> dict[str, str | None]:
        """The fields that are to be others. One that looks as it did is left as it is."""
        found: dict[str, str | None] = {}
        for name in houses.CHANGEABLE:
            typed = self.texts.get(name)
            was = getattr(house, name) or ""
            if typed is None or self.taken.get(name) == THEIRS or _alike(typed, was):
                continue
            found[name] = _one_line_end(typed) or None
        return found

    def against(self, current: House) -> list[Choice]:
        """The fields in which what was typed is not what is stored now."""
        found = []
        for name in houses.CHANGEABLE:
            theirs = getattr(current, name)
            mine = self.texts.get(name)
            if mine is None or _alike(mine, theirs or ""):
                continue
            opened = self.opened.get(name)
            untouched = opened is not None and _alike(mine, opened)
            take = self.taken.get(name) or (THEIRS if untouched else MINE)
            found.append(Choice(name, opened, theirs, mine, take))
        return found


def _behind(prefix: str, form: Mapping[str, str]) -> dict[str, str]:
    names = {name: f"{prefix}{name}" for name in houses.CHANGEABLE}
    return {name: form[given] for name, given in names.items() if given in form}


def _alike(one: str, other: str) -> bool:
    return _one_line_end(one) == _one_line_end(other)


def _one_line_end(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
