"""The login path for views: the current application's database and password threads."""

from __future__ import annotations

from typing import cast

from quart import Quart, current_app

from quartapp.accounts import login
from quartapp.accounts.models import Account
from quartapp.accounts.passwords import Passwords
from quartapp.web.db import database

_KEY = "quartapp.passwords"


def use_passwords(app: Quart, passwords: Passwords) -> None:
    """Give an application the threads that hash its passwords."""
    app.extensions[_KEY] = passwords


def app_passwords(app: Quart) -> Passwords:
    """The threads that hash an application's passwords."""
    return cast(Passwords, app.extensions[_KEY])


async def authenticate(username: str, password: str) -> Account | None:
    """The account of that name if the password is its own, else None; one run of Argon2."""
    return await login.authenticate(
        database(), app_passwords(current_app), username=username, password=password
    )
