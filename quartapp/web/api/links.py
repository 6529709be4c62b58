"""A page of a list: its items, and where to go on (RFC 8288)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from pydantic import Field
from quart import Response, request

from quartapp.core.paging import Page, Slice
from quartapp.web.api.models import DIGITS, Out, Query
from quartapp.web.api.operations import answer

Item = TypeVar("Item")
Found = Page[Any] | Slice[Any]

BACKWARD = "~"  # begins a cursor that goes back; none of the services' cursors does


class PageQuery(Query):
    """Which part of a list."""

    page: Annotated[
        int, Field(ge=1, le=10_000, description="Counts from 1; further on use `cursor`."), DIGITS
    ] = 1
    size: Annotated[int, Field(ge=1, le=100, description="The most items in a page."), DIGITS] = 20
    cursor: Annotated[
        str | None,
        Field(
            description="Where to go on, from `next` or `previous`; empty: begin. It is as fast"
            " far down the list as at its top, and wins over `page`."
        ),
    ] = None


class PageOf(Out, Generic[Item]):
    """Some items of a list, and where to go on."""

    items: list[Item]
    page: int | None
    size: int
    total: int
    total_is_exact: bool
    next: str | None
    previous: str | None


def read(cursor: str) -> tuple[bool, str | None]:
    """Whether a cursor of the API goes back, and the service's own; None for an end of the list."""
    return cursor.startswith(BACKWARD), cursor.removeprefix(BACKWARD) or None


def paged(
    model: type[PageOf[Any]], found: Found, items: list[Any], *, include: Any = None
) -> Response:
    """The answer with a page, and a header Link with what is known of first, prev, next, last."""
    links = dict(_links(found))
    body = model(
        items=items,
        page=found.number if isinstance(found, Page) else None,
        size=found.size,
        total=found.total,
        total_is_exact=found.exact,
        next=links.get("next"),
        previous=links.get("prev"),
    )
    told = ", ".join(f'<{address}>; rel="{rel}"' for rel, address in links.items())
    return answer(body, headers={"Link": told}, include=include)


def _links(found: Found) -> Iterator[tuple[str, str]]:
    if isinstance(found, Slice):
        yield "first", _address(cursor="")
        if found.previous is not None:
            yield "prev", _address(cursor=BACKWARD + found.previous)
        if found.next is not None:
            yield "next", _address(cursor=found.next)
        yield "last", _address(cursor=BACKWARD)
        return
    yield "first", _address(page=1)
    if 1 < found.number <= found.pages + 1:
        yield "prev", _address(page=found.number - 1)
    if found.number < found.pages or (not found.exact and found.items):
        yield "next", _address(page=found.number + 1)
    if found.exact and found.pages:
        yield "last", _address(page=found.pages)


def _address(**place: str | int) -> str:
    """This list at another place."""
    kept = {n: v for n, v in request.args.items() if n not in {"page", "cursor"}}
    path = quote(f"{request.root_path}{request.path}", safe="/")
    return f"{path}?{urlencode({**kept, **place})}"
