"""quartapp: a complete asynchronous web application on Quart."""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from quart import Quart

    from quartapp.settings import Settings


def create_app(settings: Settings | None = None, *, lesson: str | None = None) -> Quart:
    """Build the application; see quartapp.app.create_app, which is imported only when called."""
    from quartapp.app import create_app as build  # keeps `import quartapp.jwt` light

    return build(settings, lesson=lesson)
