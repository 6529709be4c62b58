"""The login path for views: the current application's database, password threads and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from quart import Quart, current_app

from quartapp.accounts import login
from quartapp.accounts.browsers import BRIEF, LONG
from quartapp.accounts.devices import recognise
from quartapp.accounts.models import Account
from quartapp.accounts.passwords import Passwords
from quartapp.accounts.sessions import DatabaseSessionStore
from quartapp.core.clock import now
from quartapp.core.errors import Invalid, Refusal
from quartapp.jwt.session_store import Session
from quartapp.jwt.session_tokens import address_of, device_of
from quartapp.web.db import database
from quartapp.web.guards import Person, current_person, forget, remember
from quartapp.web.i18n import _

_KEY = "quartapp.passwords"


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


async def authenticate(username: str, password: str) -> Account | None:
    """The account if the password is its own and it is not disabled, else None; one Argon2 run."""
    return await login.authenticate(database(), passwords(), username=username, password=password)


async def sign_in(username: str, password: str, *, stay: bool) -> bool:
    """Sign this browser in, in a new session; False if `authenticate` gives nobody."""
    chosen = LONG if stay else BRIEF
    session_id = await login.sign_in(
        database(),
        passwords(),
        username=username,
        password=password,
        stay=chosen,
        address=address_of(None),
        device=device_of(None),
    )
    if session_id is None:
        return False
    await _end_this("replaced")
    remember(session_id, stay=chosen)
    return True


async def sign_out() -> None:
    """End this browser's session, if it has one, and take its cookie away."""
    await _end_this("signed out")
    forget()


async def change_password(me: Person, *, current: str, new: str, repeat: str) -> None:
    """Change somebody's own password, which signs them out everywhere else.

    Raises Invalid with a reason for `current`, `new` or `repeat`, Conflict if it was changed
    meanwhile.
    """
    if new != repeat:
        differs = Refusal("differs", "This is not the same as above.")
        raise Invalid(str(differs), fields={"repeat": differs})
    await login.change_password(
        database(),
        passwords(),
        id=me.id,
        current=current,
        new=new,
        keep=me.session_id,
        by=me.actor,
    )


async def _end_this(reason: str) -> None:
    here = await current_person()
    if here is not None:
        await sessions().revoke(here.session_id, now=now(), reason=reason)


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
    """Where somebody is signed in, `current` first, then the one used last."""
    found = await sessions().sessions_of(subject, now=now())
    listed = [SignIn(each, each.id == current) for each in found]
    return sorted(listed, key=lambda each: not each.is_current)
