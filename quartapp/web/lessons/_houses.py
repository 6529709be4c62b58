"""A house in JSON, under the tutorial's names."""

from __future__ import annotations

from quartapp.houses.models import House

# The names in JSON, and the table's for the same.
FIELDS = {
    "id": "id",
    "projectNo": "project_no",
    "projectName": "project_name",
    "projectAddress": "project_address",
}


def as_json(house: House) -> dict[str, str | None]:
    """The four fields of a house."""
    return {name: getattr(house, column) for name, column in FIELDS.items()}
