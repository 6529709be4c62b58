"""The faults by name, in the order in which they run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Coroutine
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.soak import scale
from tests.soak.row import Row
from tests.soak.scale import Scale

# Each is a module with `async def run(scale: Scale) -> Row`.
NAMES = (
    "database_kills",
    "sqlite_kills",
    "worker_kills",
    "stops",
    "hang_ups",
    "slowloris",
    "mixed",
    "fuzz",
)

Run = Callable[[Scale], Coroutine[Any, Any, Row]]


async def meet(name: str, *, seed: int, short: bool) -> Row:
    """Run one fault in a scratch folder; whatever it raises is a row that is not reached."""
    run: Run = import_module(f"tests.soak.{name}").run
    with tempfile.TemporaryDirectory(prefix="quartapp-soak-") as folder:
        make = scale.short if short else Scale
        try:
            return await run(make(folder=Path(folder), seed=seed))
        except Exception as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            return Row(name, "to be measured", f"it broke off: {text[:500]}", reached=False)
