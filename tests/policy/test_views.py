"""Rules over everything that the application calls."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import dropwhile
from typing import Any

from quart import Quart

from quartapp.testing import temporary_app


def callables(app: Quart) -> Iterator[tuple[str, Callable[..., Any]]]:
    yield from ((f"view {name}", view) for name, view in app.view_functions.items())
    for kind in ("before_request", "after_request", "teardown_request", "before_websocket"):
        for functions in getattr(app, f"{kind}_funcs").values():
            yield from ((kind, function) for function in functions)
    for functions in app.template_context_processors.values():
        yield from (("context processor", function) for function in functions)
    for of_blueprint in app.error_handler_spec.values():
        for of_code in of_blueprint.values():
            yield from (("error handler", handler) for handler in of_code.values())
    yield from (("start", f) for f in app.before_serving_funcs)
    yield from (("end", f) for f in app.after_serving_funcs)


def lines_of(view: Callable[..., Any]) -> int:
    lines = inspect.getsource(inspect.unwrap(view)).splitlines()
    return len(list(dropwhile(lambda line: not line.startswith("async def"), lines)))


async def test_no_view_hook_or_handler_is_a_plain_def() -> None:
    async with temporary_app() as app:
        plain = [
            f"{what}: {function.__module__}.{function.__qualname__}"
            for what, function in callables(app)
            if function.__module__.startswith("quartapp")
            and not inspect.iscoroutinefunction(inspect.unwrap(function))
        ]
        assert len(app.view_functions) > 50
    assert plain == []


async def test_every_view_of_ours_is_short() -> None:
    async with temporary_app() as app:
        long = [
            name
            for name, view in app.view_functions.items()
            if view.__module__.startswith("quartapp.web") and lines_of(view) > 20
        ]
    assert long == []


def test_the_token_module_loads_neither_sqlalchemy_nor_the_application() -> None:
    code = (
        "import sys, quartapp.jwt; "
        "print([m for m in ('sqlalchemy', 'quartapp.app', 'quartapp.web') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
