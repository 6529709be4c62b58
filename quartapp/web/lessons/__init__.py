"""The lessons: one blueprint per section of the tutorial, each in a file of its own."""

from __future__ import annotations

from quart import Quart

from quartapp.web.lessons import pages
from quartapp.web.lessons.catalogue import LESSONS, Lesson

__all__ = ["LESSONS", "Lesson", "mount_all", "mount_one"]


def mount_all(app: Quart) -> None:
    """Mount every lesson at `/lessons/<section>`, and the pages about them at `/lessons/`."""
    app.register_blueprint(pages.bp, url_prefix="/lessons")
    for lesson in LESSONS.values():
        app.register_blueprint(lesson.blueprint, url_prefix=f"/lessons/{lesson.name}")


def mount_one(app: Quart, name: str) -> None:
    """Mount one lesson at `/`, with the very paths of the tutorial. Raises KeyError."""
    app.register_blueprint(LESSONS[name].blueprint)
