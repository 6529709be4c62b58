"""Pages of longer lists: counted by number, or going on from a place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a longer list: `number` counts from 1, `size` is the most items it may hold.

    Where `exact` is false there are more than `total`: nobody counted further.
    """

    items: Sequence[Item]
    number: int
    size: int
    total: int
    exact: bool = True

    @property
    def pages(self) -> int:
        """How many pages there are; 0 when there is nothing at all."""
        return -(-self.total // self.size)


@dataclass(frozen=True)
class Slice(Generic[Item]):
    """Some items of a longer list, and the cursors to go on from; None where nothing follows.

    `total` and `exact` are those of the whole list, as in a Page.
    """

    items: Sequence[Item]
    size: int
    total: int
    exact: bool
    next: str | None
    previous: str | None

    @classmethod
    def of(
        cls,
        read: Sequence[Item],
        *,
        size: int,
        total: int,
        exact: bool,
        cursor: str | None,
        cursor_of: Callable[[Item], str],
        backward: bool,
    ) -> Slice[Item]:
        """What was read from a cursor on, one item more than `size` if there is one.

        Read `backward`, the items come in the opposite order.
        """
        items = list(read[:size])
        more = cursor_of(items[-1]) if len(read) > size else None
        back = cursor_of(items[0]) if cursor and items else cursor
        return cls(
            items=items[::-1] if backward else items,
            size=size,
            total=total,
            exact=exact,
            next=back if backward else more,
            previous=more if backward else back,
        )
