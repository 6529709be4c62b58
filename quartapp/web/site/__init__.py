"""Browser pages of the site itself."""

from __future__ import annotations

from quart import Quart

from quartapp.web import bootstrap, guards
from quartapp.web.site import (
    account,
    dress,
    files,
    home,
    houses,
    imports,
    messages,
    overview,
    people,
    preferences,
    sign_in,
)


def mount(app: Quart) -> None:
    """Mount the pages at `/`."""
    app.session_interface = messages.SiteSessions()
    guards.install(app)
    app.register_blueprint(bootstrap.bp)
    app.register_blueprint(home.bp)
    app.register_blueprint(preferences.bp)
    app.register_blueprint(overview.bp)
    app.register_blueprint(sign_in.bp)
    app.register_blueprint(account.bp)
    app.register_blueprint(people.bp)
    app.register_blueprint(houses.bp)
    app.register_blueprint(imports.bp)
    app.register_blueprint(files.bp)
    app.context_processor(dress.common)
