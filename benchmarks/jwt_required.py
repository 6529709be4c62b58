"""What `jwt_required` adds to a bare view, beside PyJWT's decode and Flask-JWT-Extended.

One token, HS256, in the header Authorization. Each view is called within a prepared request, so
that neither router nor server is in the figures; the bare view's time is taken off. The four are
measured in turns, in short rounds, and the median of the rounds counts: whatever else the
machine does meets all of them alike.

Status 1 if it adds more than 1.5 times PyJWT's decode, or more than Flask-JWT-Extended does.
"""

from __future__ import annotations

import asyncio
import platform
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from statistics import median
from time import perf_counter
from typing import Any

import flask
import flask_jwt_extended as original
import jwt as pyjwt
from quart import Quart

import quartapp.jwt as ours

KEY = "a secret of the benchmark, long enough"
MOST = 1.5  # times PyJWT's decode
ROUNDS = 200
CALLS = 50  # of each in a round

Measure = Callable[[], Awaitable[float]]


def each(calls: Callable[[], Any]) -> Measure:
    """Measure a function: microseconds a call."""

    async def measure() -> float:
        begin = perf_counter()
        for _ in range(CALLS):
            calls()
        return (perf_counter() - begin) / CALLS * 1e6

    return measure


def each_awaited(calls: Callable[[], Awaitable[Any]]) -> Measure:
    """Measure a coroutine function: microseconds a call."""

    async def measure() -> float:
        begin = perf_counter()
        for _ in range(CALLS):
            await calls()
        return (perf_counter() - begin) / CALLS * 1e6

    return measure


def quart_app() -> Quart:
    """Return an application on Quart that signs with the key of the benchmark."""
    app = Quart("benchmark")
    app.config["JWT_SECRET_KEY"] = KEY
    ours.JWTManager(app)
    return app


def flask_app() -> flask.Flask:
    """Return the same on Flask."""
    app = flask.Flask("benchmark")
    app.config["JWT_SECRET_KEY"] = KEY
    original.JWTManager(app)
    return app


async def bare() -> str:
    """Answer anybody."""
    return "in"


def bare_plain() -> str:
    """Answer anybody, on Flask."""
    return "in"


async def figures(rounds: int = ROUNDS) -> dict[str, float]:
    """Measure all in turns and return the medians, in microseconds."""
    app, other = quart_app(), flask_app()
    async with app.app_context():
        token = await ours.create_access_token("bob")
    headers = {"Authorization": f"Bearer {token}"}
    guarded = ours.jwt_required()(bare)
    guarded_plain = original.jwt_required()(bare_plain)
    measures = {
        "PyJWT's decode": each(lambda: pyjwt.decode(token, KEY, algorithms=["HS256"])),
        "a bare view on Quart": each_awaited(bare),
        "guarded by quartapp.jwt": each_awaited(guarded),
        "a bare view on Flask": each(bare_plain),
        "guarded by Flask-JWT-Extended": each(guarded_plain),
    }
    async with app.test_request_context("/", headers=headers):
        with other.test_request_context("/", headers=headers):
            found = [{n: await measure() for n, measure in measures.items()} for _ in range(rounds)]
    return {name: median(one[name] for one in found) for name in measures}


def say(text: str = "") -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")


def main() -> int:
    """Measure, print, and return 0 if what is promised holds."""
    found = asyncio.run(figures())
    decode = found["PyJWT's decode"]
    adds = found["guarded by quartapp.jwt"] - found["a bare view on Quart"]
    theirs = found["guarded by Flask-JWT-Extended"] - found["a bare view on Flask"]
    packages = ("quart", "flask", "pyjwt", "flask-jwt-extended")
    say(
        ", ".join([f"Python {platform.python_version()}", *(f"{p} {version(p)}" for p in packages)])
    )
    for name, value in found.items():
        say(f"{name:32}{value:8.1f} µs")
    say(f"{'quartapp.jwt adds':32}{adds:8.1f} µs   {adds / decode:.2f} x PyJWT's decode")
    say(f"{'Flask-JWT-Extended adds':32}{theirs:8.1f} µs   {theirs / decode:.2f} x PyJWT's decode")
    say(f"quartapp.jwt adds {adds / theirs:.2f} times what Flask-JWT-Extended adds")
    return 0 if adds <= MOST * decode and adds <= theirs else 1


if __name__ == "__main__":
    sys.exit(main())
