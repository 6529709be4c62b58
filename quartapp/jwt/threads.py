"""Coroutine functions that a `def` view can call, too: it runs in a thread and cannot await."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar
from functools import partial, update_wrapper
from types import MethodType
from typing import Any, Final, Generic, ParamSpec, Self, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")

LONGEST: Final = 30.0  # seconds for which a thread waits

# The event loop on which the request at hand is answered. Quart's threads know it by their copy of
# the context.
_loop: ContextVar[asyncio.AbstractEventLoop | None] = ContextVar("quartapp_jwt_loop", default=None)

_own = ThreadPoolExecutor(8, "quartapp-jwt")


async def note_loop() -> None:
    """Note where this request is answered: a hook that runs before all others."""
    _loop.set(asyncio.get_running_loop())


async def in_own_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do something slow in a thread of this package: Quart's may all be waiting for it."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_own, partial(function, *args, **kwargs))


def carried_out(coroutine: Coroutine[Any, Any, R]) -> R:
    """Wait in a thread for what is carried out on the event loop of its request.

    Raises what it raises, and RuntimeError where there is no request, and after LONGEST: that is
    when what is waited for needs one of the threads that wait.
    """
    loop = _loop.get()
    if loop is None:
        coroutine.close()
        raise RuntimeError("This thread has no request: await it on an event loop")
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    if not wait([future], LONGEST).done:
        future.cancel()
        raise RuntimeError(
            f"Not done after {LONGEST:g} seconds: a callback that waits for a thread needs an "
            "executor of its own where views are plain"
        )
    return future.result()


class _Anywhere(Generic[P, R]):
    """A coroutine function that is carried out at once where no event loop runs."""

    __name__: str

    def __init__(
        self,
        function: Callable[P, Coroutine[Any, Any, R]],
        in_thread: Callable[P, R] | None,
    ) -> None:
        update_wrapper(self, function)
        self._function = function
        self._in_thread = in_thread
        # By these `inspect`, and so Quart, tells a coroutine function from a plain one.
        self.__code__ = function.__code__
        self.__defaults__ = function.__defaults__
        self.__kwdefaults__ = function.__kwdefaults__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        if _is_on_a_loop():
            return self._function(*args, **kwargs)
        if self._in_thread is not None:
            answer = self._in_thread(*args, **kwargs)
        else:
            answer = carried_out(self._function(*args, **kwargs))
        return cast("Coroutine[Any, Any, R]", answer)

    def __get__(self, instance: object, owner: type | None = None) -> Self | MethodType:
        return self if instance is None else MethodType(self, instance)


def from_threads(
    function: Callable[P, Coroutine[Any, Any, R]], in_thread: Callable[P, R] | None = None
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Let a coroutine function be called in Quart's threads as well, where it gives its answer.

    There it is carried out on the event loop of the request, so that what its callbacks wait for
    is where it belongs; or `in_thread` is called in its place. Without this a `def` view would get
    a coroutine, and a check that is never awaited would let everybody in.
    """
    return _Anywhere(function, in_thread)


def _is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
