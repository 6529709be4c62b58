"""What somebody asks of the list of houses, as an address says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quart import url_for

from quartapp.core.errors import Refusal
from quartapp.core.paging import Page, Slice
from quartapp.houses import search
from quartapp.houses.models import House
from quartapp.houses.search import Search
from quartapp.web.db import reading

SIZES = (20, 50, 100)
FARTHEST = 10**9  # the last page that is counted


@dataclass(frozen=True)
class Asked:
    """The parameters of the list, as they came; `search` says whether they can be used."""

    text: str
    match: str
    sort: str
    descending: bool
    size: int
    number: int | None
    after: str | None
    before: str | None

    @classmethod
    def of(cls, args: Mapping[str, str]) -> Asked:
        """What an address asks; a page or a size that is none counts as not given."""
        size = whole(args.get("size", ""))
        number = whole(args.get("page", ""))
        after, before = args.get("after"), args.get("before")
        return cls(
            text=args.get("q", ""),
            match=args.get("match") or "contains",
            sort=args.get("sort") or "id",
            descending=args.get("descending") == "1",
            size=size if size in SIZES else SIZES[0],
            number=number if number or after or before else 1,
            after=after,
            before=before,
        )

    def search(self) -> Search:
        """The same for the service. Raises Invalid."""
        return Search(text=self.text, match=self.match, sort=self.sort, descending=self.descending)

    def address(self, endpoint: str = "houses.index", /, **changes: object) -> str:
        """The address of this list, some of it changed; what is as usual is left out."""
        given: dict[str, Any] = {
            "q": self.text,
            "match": "" if self.match == "contains" else self.match,
            "sort": "" if self.sort == "id" else self.sort,
            "descending": "1" if self.descending else "",
            "size": "" if self.size == SIZES[0] else self.size,
        }
        wanted = given | changes
        return url_for(endpoint, **{name: value for name, value in wanted.items() if value})

    def sorted_by(self, column: str) -> str:
        """The address of this list by a column, the other way round if it is by it already."""
        turned = column == self.sort and not self.descending
        return self.address(sort="" if column == "id" else column, descending="1" if turned else "")


@dataclass(frozen=True)
class Listed:
    """A page of the list: its houses, how many there are, and where to go from here."""

    asked: Asked
    items: list[House] = field(default_factory=list)
    total: int = 0
    exact: bool = True
    next: str | None = None
    previous: str | None = None
    errors: Mapping[str, Refusal] = field(default_factory=dict)
    too_slow: bool = False

    @property
    def pages(self) -> int:
        """How many pages there are, as far as they are counted."""
        return max(-(-self.total // self.asked.size), 0 if self.exact else self.asked.number or 0)

    def page(self, number: int) -> str:
        """The address of a page."""
        return self.asked.address(page=number if number > 1 else "")

    @property
    def next_page(self) -> str | None:
        """The address of the next page, which is found as fast as the first."""
        return self._step(1, after=self.next)

    @property
    def previous_page(self) -> str | None:
        """The address of the page before."""
        return self._step(-1, before=self.previous)

    def _step(self, by: int, **cursor: object) -> str | None:
        if not any(cursor.values()):
            return None
        number = self.asked.number
        return self.asked.address(**cursor, page=max(number + by, 1) if number else "")


async def look_up(asked: Asked) -> Listed:
    """The page asked for. Raises Invalid, and TooSlow if the search takes too long."""
    wanted = asked.search()
    async with reading(statement_timeout=search.SECONDS) as db:
        if asked.after is not None:
            return _sliced(
                asked, await search.after(db, wanted, cursor=asked.after, size=asked.size)
            )
        if asked.before is not None:
            return _sliced(
                asked, await search.before(db, wanted, cursor=asked.before, size=asked.size)
            )
        number = min(asked.number or 1, FARTHEST)
        return _numbered(
            asked, wanted, await search.page(db, wanted, number=number, size=asked.size)
        )


def _sliced(asked: Asked, some: Slice[House]) -> Listed:
    return Listed(
        asked,
        list(some.items),
        some.total,
        some.exact,
        next=some.next,
        previous=some.previous,
    )


def _numbered(asked: Asked, wanted: Search, page: Page[House]) -> Listed:
    """Steps go by cursor from here too: only a jump to a number walks along what is before it."""
    more = page.number < page.pages or (not page.exact and len(page.items) == page.size)
    last, first = page.items[-1:], page.items[:1] if page.number > 1 else []
    return Listed(
        asked,
        list(page.items),
        page.total,
        page.exact,
        next=search.cursor_of(wanted, last[0]) if last and more else None,
        previous=search.cursor_of(wanted, first[0]) if first else None,
    )


def whole(text: str) -> int | None:
    """A number of at most nine digits that is not 0, else None."""
    plain = text.isascii() and text.isdecimal() and len(text) <= 9
    return int(text) or None if plain else None
