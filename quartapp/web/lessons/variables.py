"""Variables: hand values of every kind to a template."""

from __future__ import annotations

from quart import Blueprint, render_template

from quartapp.paths import TEMPLATES

bp = Blueprint("variables", __name__, template_folder=TEMPLATES)


@bp.get("/")
async def show() -> str:
    """Show a string, an integer, a list and a dictionary."""
    return await render_template(
        "lessons/variables/variable.html",
        my_str="Hello Word",
        my_int=10,
        my_array=[3, 4, 2, 1, 7, 9],
        my_dict={"name": "zhouzhiwengang", "age": 31},
    )
