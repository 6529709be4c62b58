"""Browser pages of the site itself."""

from __future__ import annotations

from quart import Quart
from werkzeug.exceptions import HTTPException

from quartapp.web.site import dress, home


def mount(app: Quart) -> None:
    """Mount the pages at `/`, and dress what goes wrong."""
    app.register_blueprint(home.bp)
    app.register_error_handler(HTTPException, dress.error_page)
    app.context_processor(dress.common)
