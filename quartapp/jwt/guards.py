"""A view behind a check, wherever it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any, ParamSpec

from quart import current_app

from quartapp.jwt.jwt_manager import JWTManager, installed
from quartapp.jwt.state import choosing
from quartapp.jwt.threads import carried_out, from_threads

P = ParamSpec("P")


def guarded_by(
    check: Callable[[], Coroutine[Any, Any, object]],
    view: Callable[P, Any],
    manager: JWTManager | str | None,
) -> Callable[P, Coroutine[Any, Any, Any]]:
    """Let a view run only when the check has raised nothing; `manager` is meant in both.

    A `def` view runs where Quart runs it, in a thread; one that is called in such a thread, by
    another view or a decorator of its own, stays there.
    """
    runs_on_the_loop = inspect.iscoroutinefunction(view)

    @wraps(view)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> Any:
        with _choice(manager):
            await check()
            if runs_on_the_loop:
                return await view(*args, **kwargs)
            answer = await current_app.ensure_async(view)(*args, **kwargs)
            return await answer if inspect.isawaitable(answer) else answer

    def in_thread(*args: P.args, **kwargs: P.kwargs) -> Any:
        with _choice(manager):
            _done(check())
            return _done(view(*args, **kwargs))

    return from_threads(guarded, in_thread)


def _done(answer: Any) -> Any:
    return carried_out(answer) if inspect.iscoroutine(answer) else answer


def _choice(manager: JWTManager | str | None) -> AbstractContextManager[None]:
    return nullcontext() if manager is None else choosing(installed(manager).manager.name)
