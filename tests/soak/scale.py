"""How much of everything: the whole of it, or a short form for every day."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Counts and times of all faults; each is done when its count is reached."""

    folder: Path  # a scratch folder of this fault's own, gone at the end
    seed: int  # of everything that is random
    short: bool = False
    database_kills: int = 20
    worker_kills: int = 20
    stops: int = 10
    hang_ups: int = 30_000
    slow_clients: int = 1000
    mixed_seconds: float = 1800.0
    parser_examples: int = 2000  # of each property


def short(*, folder: Path, seed: int) -> Scale:
    """The short form: all faults together take some minutes."""
    return Scale(
        folder=folder,
        seed=seed,
        short=True,
        database_kills=3,
        worker_kills=3,
        stops=2,
        hang_ups=1000,
        slow_clients=200,
        mixed_seconds=120.0,
        parser_examples=200,
    )
