"""A house in JSON, under the tutorial's names."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from sqlalchemy import Row

from quartapp.houses.models import House

# The names in JSON, and the table's for the same.
FIELDS = {
    "id": "id",
    "projectNo": "project_no",
    "projectName": "project_name",
    "projectAddress": "project_address",
}

_fields_of = attrgetter(*FIELDS.values())


def as_json(house: House | Row[Any]) -> dict[str, str | None]:
    """The four fields of a house."""
    return dict(zip(FIELDS, _fields_of(house), strict=True))
