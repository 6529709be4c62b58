"""A session cookie for a lesson alone: its path is the lesson's root, wherever that is mounted."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from itsdangerous import BadSignature
from quart import Quart, Response
from quart.blueprints import BlueprintSetupState
from quart.sessions import (
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionMixin,
)
from quart.wrappers import BaseRequestWebsocket
from werkzeug.wrappers import Response as WerkzeugResponse

from quartapp.web.lessons._mount import app_of, as_seen_by_client, root_of
from quartapp.web.sessions import is_in_use


def keep_session_below(state: BlueprintSetupState) -> None:
    """Give the blueprint that is being registered a session cookie below its own root."""
    app = app_of(state)
    sessions = app.session_interface
    if not isinstance(sessions, SessionsByPath):
        sessions = app.session_interface = SessionsByPath(sessions)
    sessions.add(LessonSessions(root_of(state)))


class LessonSession(SecureCookieSession):
    """A session that knows whose it is, and whether it was looked at: the answer varies then."""

    accessed = False

    def __init__(self, initial: Any, kept_by: LessonSessions) -> None:
        super().__init__(initial)
        self.kept_by = kept_by

    def __getitem__(self, key: str) -> Any:
        self.accessed = True
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.accessed = True
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, or the default."""
        self.accessed = True
        return super().get(key, default)


class LessonSessions(SecureCookieSessionInterface):
    """Sessions in a cookie `session` below one path, worth nothing below another."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.salt = f"quartapp lesson session below {root}"

    def covers(self, path: str) -> bool:
        """Whether a request for this path is the lesson's."""
        return self.root in {"/", path} or path.startswith(f"{self.root}/")

    async def open_session(self, app: Quart, request: BaseRequestWebsocket) -> LessonSession | None:
        """The session of the first cookie `session` that is the lesson's own.

        A client may send several of that name: the application's, whose path is above, too.
        """
        cookies = request.cookies.getlist(self.get_cookie_name(app))
        if not cookies and app.secret_key:
            return LessonSession(None, self)
        signer = self.get_signing_serializer(app)
        if signer is None:
            return None
        max_age = int(app.permanent_session_lifetime.total_seconds())
        for cookie in cookies:
            with suppress(BadSignature):
                return LessonSession(signer.loads(cookie, max_age=max_age), self)
        return LessonSession(None, self)

    def get_cookie_name(self, app: Quart) -> str:
        """The name that the tutorial's programs use."""
        return "session"

    def get_cookie_path(self, app: Quart) -> str:
        """The lesson's root, below that of the application itself."""
        return as_seen_by_client(self.root)


class SessionsByPath(SecureCookieSessionInterface):
    """Hands a request to the lesson's sessions if it is for a lesson, else to the application's."""

    def __init__(self, others: SecureCookieSessionInterface) -> None:
        self.others = others
        self.lessons: dict[str, LessonSessions] = {}
        self._roots: tuple[str, ...] = ()

    def add(self, lesson: LessonSessions) -> None:
        """Let a lesson have sessions of its own."""
        self.lessons[lesson.root] = lesson
        self._roots = tuple(self.lessons)

    async def open_session(
        self, app: Quart, request: BaseRequestWebsocket
    ) -> SecureCookieSession | None:
        """Open the session that the request's path asks for."""
        if request.path.startswith(self._roots):  # quicker than to ask each of them
            for lesson in self.lessons.values():
                if lesson.covers(request.path):
                    return await lesson.open_session(app, request)
        return await self.others.open_session(app, request)

    async def save_session(
        self, app: Quart, session: SessionMixin, response: Response | WerkzeugResponse | None
    ) -> None:
        """Save the session where it came from."""
        if not is_in_use(session):
            return
        keeper = session.kept_by if isinstance(session, LessonSession) else self.others
        await keeper.save_session(app, session, response)
