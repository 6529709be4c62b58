"""Quart with one view and nothing else: what is left of ours where everything of ours is out."""

from __future__ import annotations

from quart import Quart

app = Quart(__name__)


@app.get("/lessons/hello/flask")
async def hello() -> str:
    """Greet."""
    return "Hello Flask"
