"""Houses as the API takes and gives them, and the questions that it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from quartapp.houses import search as finding
from quartapp.houses import service as houses
from quartapp.houses.models import House
from quartapp.houses.service import LENGTHS
from quartapp.web.api.links import PageOf, PageQuery
from quartapp.web.api.models import NO_NUL, NOT_NUL, In, Out, Query
from quartapp.web.problems import json_name

Id = Annotated[
    str, Field(min_length=1, max_length=LENGTHS["id"], json_schema_extra=NO_NUL), NOT_NUL
]
No = Annotated[str, Field(max_length=LENGTHS["project_no"], json_schema_extra=NO_NUL), NOT_NUL]
Name = Annotated[str, Field(max_length=LENGTHS["project_name"], json_schema_extra=NO_NUL), NOT_NUL]
Address = Annotated[
    str, Field(max_length=LENGTHS["project_address"], json_schema_extra=NO_NUL), NOT_NUL
]
Sort = Literal[
    "id",
    "projectNo",
    "projectName",
    "projectAddress",
    "-id",
    "-projectNo",
    "-projectName",
    "-projectAddress",
]

_COLUMNS = {json_name(column): column for column in houses.COLUMNS}
_FIELDS = "|".join(_COLUMNS)


class HouseIn(In):
    """The values of a house; one that is not named is null."""

    project_no: No | None = None
    project_name: Name | None = None
    project_address: Address | None = None


class NewHouse(HouseIn):
    """A house to be made; without an id it gets one that sorts behind those made before."""

    id: Id | None = None


class HousePatch(HouseIn):
    """What is to be changed of a house (RFC 7396): what is not named stays as it is."""


class HouseOut(Out):
    """A house; `version` counts its changes, and `updatedAt` is null until the first of them."""

    id: str
    project_no: str | None
    project_name: str | None
    project_address: str | None
    version: int
    updated_at: datetime | None

    @classmethod
    def of(cls, house: House) -> HouseOut:
        """A house as the API shows it."""
        return cls(**{name: getattr(house, name) for name in cls.model_fields})


class HouseItem(Out):
    """A house in a list, or of it the fields that were asked for."""

    id: str
    project_no: str | None = None
    project_name: str | None = None
    project_address: str | None = None


class HousePage(PageOf[HouseItem]):
    """Some of the houses found. `next` and `previous` are addresses, null at the ends.

    `page` is null where a cursor led here. Where `totalIsExact` is false there are more.
    """


class Chosen(Query):
    """Which houses, and in which order."""

    q: Annotated[Name, Field(description="A text to look for in id, number, name, address.")] = ""
    match: Annotated[
        Literal["contains", "prefix", "exact"],
        Field(description="Where `q` stands: anywhere in any case, or to the letter."),
    ] = "contains"
    name: Annotated[Name | None, Field(description="The whole name of the project.")] = None
    sort: Annotated[Sort, Field(description="The order; with a minus from the end.")] = "id"

    def search(self) -> finding.Search:
        """As the service wants it."""
        return finding.Search(
            text=self.q,
            match=self.match,
            name=self.name,
            sort=_COLUMNS[self.sort.removeprefix("-")],
            descending=self.sort.startswith("-"),
        )


class HouseQuery(Chosen, PageQuery):
    """Which houses, in which order, and how many of them."""

    fields: Annotated[
        str | None,
        Field(
            description="The fields that are wanted, with commas between; the id is always there.",
            pattern=rf"^(?:{_FIELDS})(?:,(?:{_FIELDS}))*$",
            examples=["id,projectName"],
        ),
    ] = None

    def wanted(self) -> dict[str, Any] | None:
        """The fields of a page that are to be written; None for all."""
        if self.fields is None:
            return None
        columns = {"id", *(_COLUMNS[name] for name in self.fields.split(","))}
        return dict.fromkeys(HousePage.model_fields, True) | {"items": {"__all__": columns}}
