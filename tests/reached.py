"""Every route is reached by a test, with each of its methods: asked when the whole suite has run.

The suite runs in several processes. Each remembers the routes that its own tests reached, and the
one that started them puts all together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from quart import Quart, request, request_started

Route = tuple[str, str]  # endpoint and method

_KEY = "routes_reached"
_reached: set[Route] = set()


@request_started.connect
async def _note(_app: Quart, **_: object) -> None:
    if request.url_rule is not None:
        _reached.add((request.url_rule.endpoint, request.method))


class Reached:
    """The plugin that asks; a run of some tests alone is not asked."""

    def __init__(self, config: pytest.Config) -> None:
        self.whole = config.args_source.name == "TESTPATHS" and not config.getoption("keyword")
        self.whole = self.whole and config.getoption("markexpr") == "not slow"
        self.output: dict[str, Any] | None = getattr(config, "workeroutput", None)
        self.missing: list[Route] = []

    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what one process has reached."""
        output = getattr(node, "workeroutput", {})
        _reached.update((endpoint, method) for endpoint, method in output.get(_KEY, ()))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Hand on what was reached; at the end of all, fail for what was not."""
        if self.output is not None:
            self.output[_KEY] = sorted(_reached)
        elif self.whole and exitstatus == pytest.ExitCode.OK:
            self.missing = sorted(asyncio.run(_routes()) - _reached)
            if self.missing:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the routes that no test reached."""
        for endpoint, method in self.missing:
            terminalreporter.write_line(f"No test reached {method} {endpoint}", red=True)


async def _routes() -> set[Route]:
    """Every route of the application with each method that it was made for."""
    from quartapp.testing import temporary_app  # pytest wants to be the first to import a plugin

    async with temporary_app() as app:
        return {
            (rule.endpoint, method)
            for rule in app.url_map.iter_rules()
            for method in own(rule.methods or ())
        }


def own(methods: Iterable[str]) -> set[str]:
    """The methods that a route was made for: HEAD and OPTIONS come by themselves."""
    return set(methods) - ({"HEAD", "OPTIONS"} if "GET" in methods else {"OPTIONS"})
