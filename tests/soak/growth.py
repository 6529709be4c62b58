"""Whether memory grows with the requests: a line through what was measured on the way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from statistics import linear_regression

from tests.soak.house import descriptors, memory

MIB = 2**20
WARM = 0.3  # of the requests; until then caches, pools and the allocator fill
SLOPE = 1.0  # MiB per 10,000 requests is the most that is flat
NOISE = 4.0  # MiB, over all processes; what a short run cannot tell from growth
MOMENTS = 25  # of each look
PAUSE = 0.02  # seconds between two of them

# The C library gives a new thread a new share of memory, up to eight for each core: every one is a
# step of some MiB, long after the start. With two of them what is measured is what we keep.
FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}


@dataclass
class Growth:
    """Memory and open files of some processes, after so many requests each time."""

    pids: set[int]
    short: bool  # a run too short to lay a line through
    requests: list[int] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)

    async def look(self, requests: int) -> None:
        """Measure now: the least of some moments, as a password takes 19 MiB while it is hashed."""
        seen = []
        for _ in range(MOMENTS):
            seen.append(sum(map(memory, self.pids)) / MIB)
            await asyncio.sleep(PAUSE)
        self.requests.append(requests)
        self.mib.append(min(seen))
        self.descriptors.append(sum(map(descriptors, self.pids)))

    @property
    def slope(self) -> float:
        """MiB of all processes together for 10,000 requests, once it is warm."""
        warm = [i for i, n in enumerate(self.requests) if n >= WARM * self.requests[-1]]
        some = [self.requests[i] for i in warm], [self.mib[i] for i in warm]
        return linear_regression(*some).slope * 10_000 if len(warm) > 2 else 0.0

    @property
    def rise(self) -> float:
        """MiB by which all processes together grew since they were warm."""
        return self.slope * (1 - WARM) * self.requests[-1] / 10_000

    @property
    def flat(self) -> bool:
        """Whether it does not grow by more than what is allowed, or than a short run can tell."""
        return self.rise < NOISE if self.short else self.slope < SLOPE

    @property
    def must(self) -> str:
        """What is allowed, in words."""
        if self.short:
            return f"memory flat (under {NOISE:g} MiB more once it is warm)"
        return f"memory flat (slope under {SLOPE:g} MiB per 10,000 requests)"

    @property
    def told(self) -> str:
        """Both in words."""
        return (
            f"memory {self.slope:+.2f} MiB per 10,000 requests ({self.rise:+.1f} MiB since it was "
            f"warm, {self.mib[-1]:.0f} MiB at the end)"
        )

    @property
    def more_descriptors(self) -> int:
        """By how many the least of the last third is above the most of the first warm third."""
        third = max(1, len(self.descriptors) // 3)
        return min(self.descriptors[-third:]) - max(self.descriptors[: 2 * third][-third:])
