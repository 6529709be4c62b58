"""The pages that are looked at, and a person who may see them all."""

from __future__ import annotations

from dataclasses import dataclass

PUBLIC = {
    "home": "/",
    "sign-in": "/login",
    "not-found": "/nowhere",
    "lessons": "/lessons/",
    "lesson": "/lessons/about/jwt-refresh",
    "api-docs": "/api/docs",
}
SIGNED_IN = {
    "overview": "/overview",
    "houses": "/houses",
    "nothing-found": "/houses?q=nothing+of+this+name",
    "house": "/house/1001",
    "new-house": "/houses/new",
    "edit-house": "/house/1001/edit",
    "delete-house": "/house/1001/delete",
    "import": "/houses/import",
    "people": "/people",
    "person": "/people/1",
    "account": "/account",
}
PAGES = PUBLIC | SIGNED_IN

LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}
THEMES = ("light", "dark")


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    language: str
    theme: str

    def __str__(self) -> str:
        return f"{self.language}-{self.theme}"


LOOKS = [Look(language, theme) for language in LANGUAGES for theme in THEMES]
