"""What a User-Agent says, in words that people know."""

from __future__ import annotations

import re
from typing import Final

# The first that is found wins: most browsers name those that they descend from, too.
BROWSERS: Final = {
    "Edg/": "Edge",
    "EdgA/": "Edge",
    "EdgiOS/": "Edge",
    "OPR/": "Opera",
    "Vivaldi/": "Vivaldi",
    "SamsungBrowser/": "Samsung Internet",
    "MicroMessenger/": "WeChat",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chromium/": "Chromium",
    "Chrome/": "Chrome",
    "Version/": "Safari",
}
SYSTEMS: Final = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "CrOS": "ChromeOS",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}
PRODUCT_LENGTH: Final = 40  # characters of an unknown program's name


def recognise(user_agent: str) -> tuple[str, str]:
    """The program and the system, `("Firefox", "Linux")`; empty where nobody knows.

    A program that is no browser goes by the name that it begins with.
    """
    program, system = _first(BROWSERS, user_agent), _first(SYSTEMS, user_agent)
    if not program and not system:
        program = re.split(r"[/ ]", user_agent, maxsplit=1)[0][:PRODUCT_LENGTH]
    return program, system


def _first(names: dict[str, str], user_agent: str) -> str:
    return next((name for mark, name in names.items() if mark in user_agent), "")
