"""The reference lists what there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import quartapp.jwt as ours
from quartapp.jwt import exceptions
from quartapp.jwt.options import defaults

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "reference" / "jwt.md").read_text()
HOW_TO = (DOCS / "how-to" / "from-flask-jwt-extended.md").read_text()


def test_every_option_stands_there_with_its_default() -> None:
    listed = dict(re.findall(r"^\| `JWT_(\w+)` \| ([^|]*) \|", REFERENCE, re.MULTILINE))

    assert listed.keys() == defaults().keys()
    for name, value in defaults().items():
        shown = listed[name].strip("`").replace("'", '"')
        if not name.endswith("_EXPIRES"):
            assert shown == str(value) or shown == repr(value).replace("'", '"'), name


@pytest.mark.parametrize("name", [*ours.__all__, "use_for", "init_app"])
def test_every_name_stands_there(name: str) -> None:
    assert re.search(rf"\b{name}\b", REFERENCE)


def test_every_loader_and_every_exception_stands_there() -> None:
    loaders = [name for name in dir(ours.JWTManager) if name.endswith("_loader")]
    kinds = [
        name
        for name, kind in vars(exceptions).items()
        if inspect.isclass(kind) and issubclass(kind, Exception) and not name.startswith("_")
    ]

    assert len(loaders) == 15
    assert [name for name in [*loaders, *kinds] if f"`{name}`" not in REFERENCE] == []


def test_the_page_about_moving_names_what_is_awaited() -> None:
    functions = vars(ours).items()
    # What the original has as well; the rest is new to everybody.
    moved = {f"quartapp.jwt.{module}" for module in ("view_decorators", "tokens", "cookies")}
    awaited = [
        name
        for name, found in functions
        if name != "current_user"  # which cannot be looked at outside of a request
        and inspect.iscoroutinefunction(found)
        and found.__module__ in moved
    ]

    assert len(awaited) == 8
    assert [name for name in awaited if f"`{name}`" not in HOW_TO] == []


@pytest.mark.parametrize("text", [REFERENCE, HOW_TO])
def test_links_lead_somewhere(text: str) -> None:
    for target in re.findall(r"\]\((\.\.?/[^)#]+)", text):
        assert (DOCS / "reference" / target).exists() or (DOCS / "how-to" / target).exists()
