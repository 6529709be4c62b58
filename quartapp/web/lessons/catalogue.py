"""The catalogue of lessons: one blueprint per section of the tutorial, in the tutorial's order."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from quart import Blueprint

SECTIONS: tuple[str, ...] = (
    "hello",
    "converters",
    "redirects",
    "methods",
    "login-json",
    "login-form",
    "variables",
    "static-files",
    "request-form",
    "cookies",
    "session",
    "errors",
    "flash",
    "upload",
    "houses-list",
    "houses-page",
    "login-db",
    "jwt",
    "jwt-refresh",
    "restful",
)


@dataclass(frozen=True)
class Lesson:
    """A section of the tutorial: `name` is the part of its address, `summary` one line about it."""

    name: str
    title: str
    summary: str
    blueprint: Blueprint
    source: str

    @property
    def module(self) -> str:
        """The name of its module, its blueprint, and the folder of its templates."""
        return self.name.replace("-", "_")

    @classmethod
    def of(cls, name: str, module: ModuleType) -> Lesson:
        """The lesson of a module, whose docstring begins `Title: what it shows.`"""
        title, _, summary = (
            inspect.cleandoc(module.__doc__ or "").partition("\n")[0].partition(": ")
        )
        return cls(name, title, summary, module.bp, inspect.getsource(module))


LESSONS = {
    name: Lesson.of(name, import_module(f"quartapp.web.lessons.{name.replace('-', '_')}"))
    for name in SECTIONS
}
