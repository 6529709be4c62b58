"""The site's own session, which carries flashed messages from one page to the next."""

from __future__ import annotations

from quart import Quart

from quartapp.web.sessions import IdleSessions


class SiteSessions(IdleSessions):
    """Keeps a session in a cookie that other sites' pages do not get sent along.

    Its name is its own: the lessons' cookies are called `session`, as the tutorial's are.
    """

    salt = "quartapp site session"

    def get_cookie_name(self, app: Quart) -> str:
        """The name of the cookie."""
        return "quartapp_messages"

    def get_cookie_samesite(self, app: Quart) -> str:
        """Who sends it along."""
        return "Lax"
