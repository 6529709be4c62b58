"""The login path for views: the current application's database, password threads and sessions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import partial, wraps
from typing import ParamSpec, Protocol, TypeVar, cast

from quart import Quart, current_app

from quartapp.accounts import login
from quartapp.accounts.browsers import BRIEF, LONG
from quartapp.accounts.devices import recognise
from quartapp.accounts.models import Account
from quartapp.accounts.passwords import Passwords
from quartapp.accounts.sessions import DatabaseSessionStore
from quartapp.audit.service import Actor
from quartapp.core.clock import now
from quartapp.core.errors import Busy, Invalid
from quartapp.jwt.session_store import Session
from quartapp.jwt.session_tokens import address_of, device_of
from quartapp.telemetry import metrics
from quartapp.web.db import database
from quartapp.web.events import security, tag
from quartapp.web.guards import current_person, forget, remember
from quartapp.web.i18n import _
from quartapp.web.limits import limits
from quartapp.web.seen import note_user

_KEY = "quartapp.passwords"

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Asking(Protocol):
    """Somebody who is signed in, by a cookie or a token."""

    @property
    def id(self) -> int:
        """The id of the account."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def session_id(self) -> str:
        """The session at hand."""

    @property
    def actor(self) -> Actor:
        """The account for the table of changes."""


def use_passwords(app: Quart, passwords: Passwords) -> None:
    """Give an application the threads that hash its passwords."""
    app.extensions[_KEY] = passwords


def app_passwords(app: Quart) -> Passwords:
    """The threads that hash an application's passwords."""
    return cast(Passwords, app.extensions[_KEY])


def passwords() -> Passwords:
    """The threads that hash the current application's passwords."""
    return app_passwords(current_app)


def sessions() -> DatabaseSessionStore:
    """The current application's sessions, of browsers and of the API; not within a transaction."""
    return DatabaseSessionStore(database())


def _busy_is_counted(
    attempt: Callable[Arguments, Awaitable[Result]],
) -> Callable[Arguments, Awaitable[Result]]:
    """Count the attempts to sign in for which there was no time."""

    @wraps(attempt)
    async def counted(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return await attempt(*args, **kwargs)
        except Busy:
            metrics.logins.labels("busy").inc()
            raise

    return counted


@_busy_is_counted
async def authenticate(username: str, password: str) -> Account | None:
    """The account if the password is its own and it is not disabled, else None; one Argon2 run."""
    return await login.authenticate(
        database(),
        passwords(),
        username=username,
        password=password,
        on_refusal=partial(_tell_refusal, username),
    )


@_busy_is_counted
async def sign_in(username: str, password: str, *, stay: bool) -> bool:
    """Sign this browser in, in a new session; False if `authenticate` gives nobody.

    Raises TooMany.
    """
    chosen = LONG if stay else BRIEF
    async with limits().attempt(username, _session_here) as attempt:
        begun = await login.sign_in(
            database(),
            passwords(),
            username=username,
            password=password,
            stay=chosen,
            address=address_of(None),
            device=device_of(None),
            on_refusal=partial(_tell_refusal, username),
        )
        attempt.failed = begun is None
    if begun is None:
        return False
    account, session_id = begun
    await _end_this("replaced")
    remember(session_id, stay=chosen)
    tell_sign_in(account, session_id=session_id, way="browser")
    return True


async def sign_out() -> None:
    """End this browser's session, if it has one, and take its cookie away."""
    await _end_this("signed out")
    forget()


async def change_password(who: Asking, *, current: str, new: str) -> None:
    """Change somebody's own password, which signs them out everywhere else.

    Raises Invalid with a reason for `current` or `new`, Conflict if it was changed meanwhile,
    TooMany.
    """

    async def session_here(_username: str) -> str:
        return who.session_id

    async with limits().attempt(who.name, session_here, event="password") as attempt:
        try:
            await login.change_password(
                database(),
                passwords(),
                id=who.id,
                current=current,
                new=new,
                keep=who.session_id,
                by=who.actor,
            )
        except Invalid as error:
            attempt.failed = "current" in error.fields
            if attempt.failed:
                security("password.refused", user=who.id)
            raise
    security("password.changed", user=who.id)


def tell_sign_in(account: Account, *, session_id: str, way: str) -> None:
    """Write down that somebody signed in, by a "browser" or the "api"."""
    note_user(account.id)
    security("sign-in.accepted", user=account.id, session=session_id, way=way)


def tell_changes(account: Account, named: Collection[str]) -> None:
    """Write down what was changed of an account, of "password", "admin" and "disabled"."""
    if "password" in named:
        security("password.changed", user=account.id)
    if "admin" in named:
        security("account.role-changed", user=account.id, admin=account.is_admin)
    if "disabled" in named:
        event = "account.enabled" if account.disabled_at is None else "account.disabled"
        security(event, user=account.id)


def _tell_refusal(username: str, why: login.Why, id: int | None) -> None:
    whose: dict[str, object] = {"name": tag(username)} if id is None else {"user": id}
    security("sign-in.refused", reason=why, **whose)


async def _session_here(username: str) -> str:
    """The id of this browser's session if it is one of that name, else ""."""
    here = await current_person()
    return here.session_id if here is not None and here.name == username else ""


async def _end_this(reason: str) -> None:
    here = await current_person()
    if here is None:
        return
    if await sessions().revoke(here.session_id, now=now(), reason=reason):
        event = "sign-out" if reason == "signed out" else "session.revoked"
        security(event, user=here.id, session=here.session_id, reason=reason)


@dataclass(frozen=True, slots=True)
class SignIn:
    """A session as people are shown it."""

    session: Session
    is_current: bool

    @property
    def is_browser(self) -> bool:
        """Whether it is a browser's; else it is one of a program that uses the API."""
        return not self.session.digest

    @property
    def device(self) -> str:
        """What it is on, in words: "Firefox on Linux"; empty if nobody knows."""
        program, system = recognise(self.session.device)
        if program and system:
            return _("%(program)s on %(system)s", program=program, system=system)
        return program or system


async def sign_ins(subject: str, *, current: str | None = None) -> list[SignIn]:
    """Where somebody is signed in, `current` first, then the one used last; LISTED at most."""
    found = await sessions().sessions_of(subject, now=now())
    listed = [SignIn(each, each.id == current) for each in found]
    return sorted(listed, key=lambda each: not each.is_current)
