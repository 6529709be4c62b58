"""Metrics as Prometheus reads them."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from quart import Quart

PEER = {"client": ("127.0.0.1", 50000)}


class Reading:
    """What one look at `/metrics` told."""

    def __init__(self, text: str) -> None:
        self.samples: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = frozenset(sample.labels.items())
                self.samples.setdefault(sample.name, {})[labels] = sample.value

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of the values that have these labels, whatever the others are."""
        wanted = labels.items()
        found = self.samples.get(f"quartapp_{name}", {})
        return sum(value for held, value in found.items() if wanted <= dict(held).items())


async def metrics_of(app: Quart, scope: dict[str, Any] = PEER) -> Reading:
    """What an application tells whoever may ask."""
    answer = await app.test_client().get("/metrics", scope_base=scope)
    assert answer.status_code == 200, await answer.get_data(as_text=True)
    return Reading(await answer.get_data(as_text=True))
