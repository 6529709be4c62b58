"""Remember, over the whole run, which routes were reached."""

from __future__ import annotations

import pytest
from quart import Quart, request, request_started

reached: set[tuple[str, str]] = set()


@request_started.connect
async def _note(_app: Quart, **_: object) -> None:
    if request.url_rule is not None:
        reached.add((request.url_rule.endpoint, request.method))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ask which routes were reached when every other test has run."""
    items.sort(key=lambda item: item.name == "test_every_route_was_reached_by_a_test")


@pytest.fixture
def routes_reached() -> set[tuple[str, str]]:
    """Endpoint and method of every request so far that a route took."""
    return reached
