"""Coroutine functions that a `def` view can call, too: it runs in a thread and cannot await."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

# The event loop on which the request at hand is answered. Quart's threads know it by their copy of
# the context.
_loop: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("quartapp_jwt_loop", default=None)


async def note_loop() -> None:
    """Note where this request is answered: a hook that runs before all others."""
    _loop.set(asyncio.get_running_loop())


class _Anywhere(Generic[P, R]):
    """A coroutine function that is carried out at once where no event loop runs."""

    __name__: str

    def __init__(self, function: Callable[P, Coroutine[Any, Any, R]]) -> None:
        update_wrapper(self, function)
        self._function = function
        # By these `inspect`, and so Quart, tells a coroutine function from a plain one.
        self.__code__ = function.__code__
        self.__defaults__ = function.__defaults__
        self.__kwdefaults__ = function.__kwdefaults__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        coroutine = self._function(*args, **kwargs)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return cast("Coroutine[Any, Any, R]", _carried_out(coroutine))
        return coroutine


def from_threads(
    function: Callable[P, Coroutine[Any, Any, R]],
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Let a coroutine function be called in Quart's threads as well, where it gives its answer.

    There it is carried out on the event loop of the request, so that what its callbacks wait for
    is where it belongs. Without this a `def` view would get a coroutine, and a check that is never
    awaited would let everybody in.
    """
    return _Anywhere(function)


def _carried_out(coroutine: Coroutine[Any, Any, Any]) -> Any:
    loop = _loop.get()
    if loop is None:
        return asyncio.run(coroutine)
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()
