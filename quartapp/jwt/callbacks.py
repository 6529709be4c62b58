"""The callbacks of a manager: how they are called, and what answers where there is none."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, TypeVar

from quart import Response, jsonify
from werkzeug.local import LocalProxy

Callback = Callable[..., Any]
CallbackT = TypeVar("CallbackT", bound=Callback)

# Enough for every text of this package; what a token's header adds to one is cut.
_LONGEST_TEXT: Final = 500


async def call(callback: Callback, *arguments: Any) -> Any:
    """Call a callback, `def` or `async def`, partial or object, and await what can be awaited.

    Raises TypeError if it gives a generator: an answer that nobody can await is never taken
    for a yes.
    """
    answer = callback(*arguments)
    # A proxy has all methods, __await__ too; what it stands for may have none.
    if isinstance(answer, LocalProxy):
        answer = answer._get_current_object()
    while inspect.isawaitable(answer):
        answer = await answer
    if inspect.isasyncgen(answer) or inspect.isgenerator(answer):
        raise TypeError(f"The callback {callback!r} gave a generator, not an answer")
    return answer


def printable(text: str) -> str:
    """Return the text as any JSON encoder can write it: short, and without lone surrogates."""
    text = text[:_LONGEST_TEXT]
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def refusal(key: str, text: str, status: int) -> tuple[Response, int]:
    """Return the answer that stands where no callback is set: `{"msg": text}`."""
    return jsonify({key: printable(text)}), status
