"""When a serving process searches for garbage, which holds every request up meanwhile."""

from __future__ import annotations

import gc

# Objects more than before until the youngest are searched; and how often, until older ones are.
FEW = 10_000
SEARCHES = 5

OBJECTS = 100  # that a request holds while it waits


def look_seldom() -> None:
    """Leave what a start has made out of the search, and search after more requests.

    A search takes 40 ms where it goes through all that was loaded. What a request leaves behind is
    counted, not searched for. What does need it are connections, of which hypercorn keeps 5 KiB
    each until then.
    """
    gc.collect()
    gc.freeze()
    look_with(0)


def look_with(requests: int) -> None:
    """Search when there is more than so many requests hold, which are at work and no garbage.

    They would be gone through again and again: with a thousand of them 8 % of the time.
    """
    gc.set_threshold(FEW + OBJECTS * requests, SEARCHES, SEARCHES)
