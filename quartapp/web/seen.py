"""What becomes known of a request while it is answered, for those who tell of it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from quart import Quart, has_request_context, request, websocket
from werkzeug.routing import Rule

KEY = "quartapp.seen"  # in the scope


@dataclass(slots=True)
class Seen:
    """The route that was taken, as it is declared, and whose request it is; "" if not known.

    `route` is a template as `/house/<house:id>`, never an address; `user` the id of an account,
    never a name.
    """

    route: str = ""
    user: str = ""


def seen_in(scope: Any) -> Seen:
    """What is known of the request of an ASGI scope; the first to ask puts it there."""
    found: Seen | None = scope.get(KEY)
    if found is None:
        found = scope[KEY] = Seen()
    return found


def note_user(id: int | str) -> None:
    """Say which account is behind the current request."""
    scope = request.scope if has_request_context() else websocket.scope
    seen_in(scope).user = str(id)


def install(app: Quart) -> None:
    """Let an application say which route each websocket took; of requests its Connection does."""
    app.before_websocket(_note_websocket)


async def _note_websocket() -> None:
    note_route(websocket.scope, websocket.url_rule)


def note_route(scope: Any, rule: Rule | None) -> None:
    """Say which route the request of an ASGI scope took, if it took one."""
    if rule is not None:
        seen_in(scope).route = rule.rule
