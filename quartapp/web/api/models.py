"""The bases of what the API takes and gives: pydantic models, with names as in JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from quartapp.accounts.password_rule import LONGEST, SHORTEST
from quartapp.web.problems import Refused, pointer

MOST_ERRORS = 100  # that are told at once
NO_NUL = {"pattern": "^[^\\u0000]*$"}  # what a schema says of such a text

# Pydantic's kinds of errors under the names that the services' refusals have.
CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown",
    "string_too_long": "too-long",
    "string_too_short": "too-short",
    "string_unicode": "no-text",
    "greater_than_equal": "too-small",
    "less_than_equal": "too-large",
    "literal_error": "unknown-value",
    "string_pattern_mismatch": "wrong-form",
}


class In(BaseModel):
    """A body: each value has just the type that it shall have, and there are no others."""

    model_config = ConfigDict(strict=True, extra="forbid", alias_generator=to_camel)


class Query(BaseModel):
    """The query of an address: texts, read as what they stand for, and there are no others."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class Out(BaseModel):
    """An answer."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, validate_by_alias=False
    )


Model = TypeVar("Model", In, Query)


def read(model: type[Model], values: Any, *, place: str = "pointer") -> Model:
    """The values as a model. Raises Refused with everything that is wrong with them.

    `place` is what each error names: a `pointer` into the body, or a `parameter`.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        told = list(_told(error, place))
        detail = "The body cannot be taken." if place == "pointer" else "The query cannot be taken."
        raise Refused(422, "invalid", detail, told) from None


def _told(error: ValidationError, place: str) -> Iterator[Mapping[str, str]]:
    for found in error.errors(include_url=False, include_input=False)[:MOST_ERRORS]:
        where = pointer(*found["loc"]) if place == "pointer" else ".".join(map(str, found["loc"]))
        code = CODES.get(found["type"], "wrong-type")
        told = found.get("ctx", {})
        if code == "too-short" and told["min_length"] == 1:
            code = "empty"
        if isinstance(unfit := told.get("error"), Unfit):
            code = unfit.code
        detail = found["msg"].removeprefix("Value error, ")
        yield {place: where, "code": code, "detail": detail}


class Unfit(ValueError):
    """Why a value is refused that has the right type."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise Unfit("nul", "holds a NUL character")
    return value


def _number(value: object) -> object:
    """Digits as a number: pydantic would take `1_0` and `1.0` too."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, int):
        return value
    raise Unfit("wrong-type", "must be a whole number")


_DIGITS = re.compile("-?[0-9]{1,9}")

# What reads a number in a query.
DIGITS = BeforeValidator(_number)
# What makes a text one that every database holds; behind its limits.
NOT_NUL = AfterValidator(_without_nul)
# A password to be; the rule of the accounts asks for more than a schema can say.
Password = Annotated[
    str,
    Field(min_length=SHORTEST, max_length=LONGEST, examples=["correct horse battery staple"]),
]
