"""Every route is reached by a test, with each of its methods."""

from __future__ import annotations

import pytest
from werkzeug.routing import Rule

from quartapp.testing import temporary_app


def own(rule: Rule) -> set[str]:
    """The methods that a route was made for."""
    methods = rule.methods or set()
    return methods - ({"HEAD", "OPTIONS"} if "GET" in methods else {"OPTIONS"})


async def test_every_route_was_reached_by_a_test(
    routes_reached: set[tuple[str, str]], request: pytest.FixtureRequest
) -> None:
    if request.config.args_source.name != "TESTPATHS" or request.config.getoption("keyword"):
        pytest.skip("asks for the whole suite: `make test`")
    async with temporary_app() as app:
        routes = {
            (rule.endpoint, method) for rule in app.url_map.iter_rules() for method in own(rule)
        }
    assert len(routes) > 50
    assert routes - routes_reached == set()
