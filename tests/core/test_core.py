"""The small things that every room uses."""

from __future__ import annotations

import pytest

from quartapp.core.errors import (
    Busy,
    CannotAdopt,
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    NotReady,
)
from quartapp.core.paging import Page
from quartapp.core.text import is_storable


@pytest.mark.parametrize(
    ("total", "size", "pages"), [(0, 20, 0), (1, 20, 1), (20, 20, 1), (21, 20, 2), (5, 10**30, 1)]
)
def test_pages_are_counted(total: int, size: int, pages: int) -> None:
    assert Page(items=[], number=1, size=size, total=total).pages == pages


def test_every_error_has_a_code_of_its_own_and_says_its_message() -> None:
    errors: list[DomainError] = [
        NotFound("m"),
        Conflict("m"),
        Invalid("m"),
        NotReady("m"),
        Busy("m", retry_after=1),
        CannotAdopt(["m"]),
    ]

    assert len({error.code for error in errors}) == len(errors)
    assert all(error.message == str(error) and "m" in str(error) for error in errors)


@pytest.mark.parametrize(
    ("text", "storable"), [("", True), ("阳光😀", True), ("\ud800", False), ("a\udfffb", False)]
)
def test_text_that_utf_8_cannot_carry_is_told(text: str, storable: bool) -> None:
    assert is_storable(text) is storable
