"""The tutorial's twenty programs on Flask, as they were, for comparison with the lessons.

Written anew from what they do. Their faults are left in, because the table of
requests says for each of them what the lessons answer instead.
"""

from collections.abc import Callable

from flask import Flask

from tests.lessons.originals import basics, database, forms, sessions, tokens
from tests.lessons.originals.setup import Config

__all__ = ["ORIGINALS", "Config"]

ORIGINALS: dict[str, Callable[[Config], Flask]] = {
    "hello": basics.hello,
    "converters": basics.converters,
    "redirects": basics.redirects,
    "methods": basics.methods,
    "login-json": basics.login_json,
    "login-form": forms.login_form,
    "variables": basics.variables,
    "static-files": basics.static_files,
    "request-form": forms.request_form,
    "cookies": sessions.cookies,
    "session": sessions.session_,
    "errors": sessions.errors,
    "flash": sessions.flash_,
    "upload": forms.upload,
    "houses-list": database.houses_list,
    "houses-page": database.houses_page,
    "login-db": database.login_db,
    "jwt": tokens.jwt,
    "jwt-refresh": tokens.jwt_refresh,
    "restful": database.restful,
}
