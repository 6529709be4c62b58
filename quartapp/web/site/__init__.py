"""Browser pages of the site itself."""

from __future__ import annotations

from quart import Quart

from quartapp.web.site import home


def mount(app: Quart) -> None:
    """Mount the pages at `/`."""
    app.register_blueprint(home.bp)
