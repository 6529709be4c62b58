"""A house in JSON, under the tutorial's names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter

from quartapp.houses.models import House
from quartapp.houses.service import COLUMNS

# The names in JSON, and the table's for the same.
FIELDS = dict(zip(("id", "projectNo", "projectName", "projectAddress"), COLUMNS, strict=True))

values_of: Callable[[House], tuple[str | None, ...]] = attrgetter(*FIELDS.values())


def as_json(values: Iterable[str | None]) -> dict[str, str | None]:
    """The four fields of a house, whose values are the first ones, in the table's order."""
    return dict(zip(FIELDS, values, strict=False))
