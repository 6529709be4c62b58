"""Login with the database: quart-auth keeps who signed in, in a cookie of its own."""

from __future__ import annotations

from typing import cast

from quart import Blueprint, current_app, redirect, render_template, request, url_for
from quart.blueprints import BlueprintSetupState
from quart_auth import Action, AuthUser, QuartAuth, Unauthorized
from werkzeug.wrappers import Response

from quartapp.accounts import service as accounts
from quartapp.accounts.models import Account
from quartapp.paths import TEMPLATES
from quartapp.web.db import asking
from quartapp.web.lessons._mount import app_of, as_seen_by_client, root_of
from quartapp.web.login import authenticate
from quartapp.web.signed_cookie import CookieAuth

bp = Blueprint("login_db", __name__, template_folder=TEMPLATES)

NAME = "quartapp_lesson_login_db"
DURATION = 31 * 24 * 3600  # seconds that a login holds, as Flask's session does


class LessonAuth(CookieAuth):
    """Keeps who signed in below the lesson's root, wherever the application itself is mounted."""

    @property
    def cookie_path(self) -> str:
        """The path of the cookie, as the client of the request at hand sees it."""
        return as_seen_by_client(self._root)

    @cookie_path.setter
    def cookie_path(self, root: str) -> None:
        self._root = root


@bp.record_once
def bring_quart_auth(state: BlueprintSetupState) -> None:
    """Give the lesson a QuartAuth to itself: who signs in here is signed in nowhere else."""
    app = app_of(state)
    app.extensions[NAME] = LessonAuth(
        app,
        attribute_name=f"_{NAME}",
        cookie_name=NAME,
        cookie_path=root_of(state),
        cookie_secure=app.config["SESSION_COOKIE_SECURE"],
        duration=DURATION,
        salt=NAME,
        singleton=False,
    )


def auth() -> QuartAuth:
    """The lesson's QuartAuth in the current application."""
    return cast(QuartAuth, current_app.extensions[NAME])


async def signed_in() -> Account:
    """The account that is signed in. Raises Unauthorized, also if it is gone or disabled."""
    subject = auth().load_user().auth_id
    if subject is None:
        raise Unauthorized
    async with asking() as db:
        account = await accounts.find_by_subject(db, subject=subject)
    if account is None:
        raise Unauthorized
    return account


@bp.after_request
async def vary(response: Response) -> Response:
    """Every answer here depends on who asks: nobody may be served another's from a cache."""
    response.vary.add("Cookie")
    return response


@bp.route("/login", methods=["GET", "POST"])
async def login() -> Response | str:
    """Show the form, or sign in with it."""
    if request.method == "POST":
        form = await request.form
        account = await authenticate(form["username"], form["password"])
        if account is not None:
            auth().login_user(AuthUser(accounts.subject_of(account), Action.WRITE))
            return redirect(url_for(".dashboard"))
    return await render_template("lessons/login_db/auth_login.html")


@bp.get("/dashboard")
async def dashboard() -> str:
    """Greet who is signed in."""
    account = await signed_in()
    return await render_template("lessons/login_db/dashboard.html", account=account)


@bp.get("/logout")
async def logout() -> Response:
    """Sign out."""
    await signed_in()
    auth().logout_user()
    return redirect(url_for(".login"))
