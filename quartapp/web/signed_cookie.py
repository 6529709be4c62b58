"""Who is signed in by a cookie, looked up where somebody asks, and not once more at the end."""

from __future__ import annotations

from typing import cast

from quart import Quart, after_this_request, g
from quart.typing import AfterRequestCallable
from quart_auth import AuthUser, QuartAuth


class CookieAuth(QuartAuth):
    """quart-auth, which by itself reads the cookie of every request once it is answered.

    Here only those answers are looked at by which somebody signs in or out.
    """

    def init_app(self, app: Quart) -> None:
        """Begin to keep who is signed in to an application."""
        super().init_app(app)
        app.after_request_funcs[None].remove(self.after_request)

    def login_user(self, user: AuthUser) -> None:
        """Sign somebody in: the answer carries the cookie."""
        super().login_user(user)
        self._let_the_answer_tell()

    def logout_user(self) -> None:
        """Sign out: the answer takes the cookie away."""
        super().logout_user()
        self._let_the_answer_tell()

    def _let_the_answer_tell(self) -> None:
        told = f"{self.attribute_name}_told"  # once, also where somebody comes and goes
        if told not in g:
            setattr(g, told, True)
            after_this_request(cast(AfterRequestCallable, self.after_request))
