"""Sessions in a signed cookie that cost nothing where there is none and nobody looks."""

from __future__ import annotations

from quart import Quart, Response
from quart.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from quart.wrappers import BaseRequestWebsocket
from werkzeug.wrappers import Response as WerkzeugResponse


class IdleSessions(SecureCookieSessionInterface):
    """Quart's sessions; signatures are thought of when there is something signed, or to sign."""

    async def open_session(
        self, app: Quart, request: BaseRequestWebsocket
    ) -> SecureCookieSession | None:
        """The session of the request's cookie, else an empty one."""
        if app.secret_key and self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return await super().open_session(app, request)

    async def save_session(
        self, app: Quart, session: SessionMixin, response: Response | WerkzeugResponse | None
    ) -> None:
        """Save the session, unless it is empty and nobody looked into it."""
        if is_in_use(session):
            await super().save_session(app, session, response)


def is_in_use(session: SessionMixin) -> bool:
    """Whether saving it can change the answer."""
    return bool(session) or session.modified or session.accessed
