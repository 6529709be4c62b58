"""A page of a list: its items, and where to go on (RFC 8288)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from pydantic import BaseModel
from quart import Response, request

from quartapp.core.paging import Page, Slice
from quartapp.web.api.operations import answer

Found = Page[Any] | Slice[Any]

BACKWARD = "~"  # begins a cursor that goes back; none of the services' cursors does


def read(cursor: str) -> tuple[bool, str | None]:
    """Whether a cursor of the API goes back, and the service's own; None for an end of the list."""
    return cursor.startswith(BACKWARD), cursor.removeprefix(BACKWARD) or None


def paged(model: type[BaseModel], found: Found, items: list[Any], *, include: Any) -> Response:
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
