"""Who may come in: the person behind a request, and requests that other sites made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from typing import Final, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from quart import (
    Quart,
    abort,
    after_this_request,
    current_app,
    g,
    redirect,
    request,
    url_for,
)
from quart.typing import ResponseTypes
from quart_auth import Action, AuthUser
from werkzeug.wrappers import Response as WerkzeugResponse

from quartapp.accounts import browsers
from quartapp.accounts.service import subject
from quartapp.audit.service import Actor
from quartapp.core.clock import now
from quartapp.core.text import is_storable
from quartapp.jwt.session_tokens import address_of
from quartapp.web.addresses import here
from quartapp.web.db import reading, writing
from quartapp.web.events import security
from quartapp.web.problems import DATABASE_AWAY
from quartapp.web.seen import note_user
from quartapp.web.signed_cookie import CookieAuth

COOKIE: Final = "quartapp_session"

PATIENCE: Final = 0.5  # seconds

LONGEST_PATH: Final = 2000  # characters

_AUTH = "quartapp.auth"
_PERSON = "_quartapp_person"
_SAFE = {"GET", "HEAD", "OPTIONS", "TRACE"}
_PORTS = {"http": ":80", "https": ":443"}

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in at this browser, and in which of their sessions."""

    id: int
    name: str
    is_admin: bool
    session_id: str

    @property
    def actor(self) -> Actor:
        """The same for the table of changes."""
        return Actor(self.id, self.name)

    @property
    def subject(self) -> str:
        """The same for the table of sessions."""
        return subject(id=self.id, username=self.name)


def install(app: Quart) -> None:
    """Give an application its cookie of who is signed in, and the check of where requests are from.

    The cookie carries the id of a row in login_session, signed, and nothing else.
    """
    app.extensions[_AUTH] = CookieAuth(
        app,
        cookie_name=COOKIE,
        duration=int(browsers.LONG.idle.total_seconds()),
        salt=COOKIE,
        singleton=False,
    )
    app.before_request(refuse_cross_site)


async def current_person() -> Person | None:
    """Who is signed in, asked of the database once a request; None if nobody is."""
    if _PERSON not in g:
        setattr(g, _PERSON, await _resume())
        after_this_request(_keep_private)
    return cast(Person | None, getattr(g, _PERSON))


def person() -> Person:
    """Who is signed in, in a view that only such people reach."""
    return cast(Person, getattr(g, _PERSON))


def signed_in(
    view: Callable[Arguments, Awaitable[Answer]],
) -> Callable[Arguments, Awaitable[Answer | WerkzeugResponse]]:
    """Let people in who are signed in; others are led to the form, or get 401 if they send one."""

    @wraps(view)
    async def guarded(
        *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Answer | WerkzeugResponse:
        if await current_person() is None:
            if request.method not in _SAFE:
                abort(401)
            return redirect(url_for("sign_in.login", next=here()))
        return await view(*args, **kwargs)

    return guarded


def admin_only(
    view: Callable[Arguments, Awaitable[Answer]],
) -> Callable[Arguments, Awaitable[Answer | WerkzeugResponse]]:
    """Let admins in; others get 403, and those who are not signed in what `signed_in` gives."""

    @wraps(view)
    async def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        if not person().is_admin:
            abort(403)
        return await view(*args, **kwargs)

    return signed_in(guarded)


def own_path(address: str) -> str:
    """A path of this site to lead somebody on to; empty if the address is anything else."""
    if len(address) > LONGEST_PATH or not address.startswith("/") or address.startswith("//"):
        return ""
    # Browsers read a backslash as a slash, and leave tabs and line ends out.
    odd = "\\" in address or not address.isprintable() or not is_storable(address)
    return "" if odd else address


def remember(session_id: str, *, stay: browsers.Stay) -> None:
    """Let the answer carry the cookie of a session; a brief one ends with the browser."""
    action = Action.WRITE_PERMANENT if stay is browsers.LONG else Action.WRITE
    _auth().login_user(AuthUser(session_id, action))


def forget() -> None:
    """Let the answer take the cookie away."""
    _auth().logout_user()


async def refuse_cross_site() -> None:
    """Answer 403 to a change that another site's page asks for; lessons are as the tutorial's.

    Programs that say nothing of where they come from pass: they carry no cookie of a browser.
    """
    if request.method in _SAFE or request.path.startswith("/lessons/"):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None:
        own = site in {"same-origin", "none"}
    else:
        own = origin is None or _is_own(origin, request.host)
    if not own:
        security("cross-site.refused")
        abort(403)


async def _keep_private(response: ResponseTypes) -> ResponseTypes:
    """An answer that depends on who asks: nobody may be served another's from a cache.

    It is not kept at all, unless it says itself how it may be.
    """
    response.vary.add("Cookie")
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response


async def _resume() -> Person | None:
    session_id = _auth().load_user().auth_id
    if session_id is None:
        return None
    async with reading(snapshot=False) as db:
        visit = await browsers.resume(db, id=session_id)
    if visit is None:
        return None
    if visit.is_stale(now()):
        await _note(visit)
        if visit.stay is browsers.LONG:
            remember(session_id, stay=visit.stay)
    note_user(visit.account.id)
    return Person(visit.account.id, visit.account.username, visit.account.is_admin, session_id)


async def _note(visit: browsers.Visit) -> None:
    """Write down that a session is in use; where nothing can be written, its page goes on."""
    with suppress(TimeoutError, *DATABASE_AWAY):
        async with asyncio.timeout(PATIENCE), writing() as db:
            await browsers.touch(db, visit=visit, address=address_of(None))


def _auth() -> CookieAuth:
    return cast(CookieAuth, current_app.extensions[_AUTH])


def _is_own(origin: str, host: str) -> bool:
    """Whether an origin (`https://example.com:8443`) is that of the host asked."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    port = _PORTS.get(parts.scheme)
    if port is None:
        return False
    return parts.netloc.lower().removesuffix(port) == host.lower().removesuffix(port)
