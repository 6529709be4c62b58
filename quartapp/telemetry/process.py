"""What the system knows of this process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

SELF = Path("/proc/self")


class Use(NamedTuple):
    """What a process takes of the machine."""

    resident_memory: int  # bytes
    open_descriptors: int


def use(process: Path = SELF) -> Use | None:
    """What this process uses now; None where there is no /proc. Reads files."""
    try:
        pages = int((process / "statm").read_text(encoding="ascii").split()[1])
        descriptors = len(list((process / "fd").iterdir()))
    except OSError:
        return None
    return Use(pages * os.sysconf("SC_PAGE_SIZE"), descriptors)
