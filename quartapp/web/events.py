"""Events that matter to whoever watches over the accounts: lines of the logger quartapp.security.

The names, and what each is told with, stand in docs/how-to/read-the-logs.md.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import Any, Final, cast

from quart import current_app, has_request_context, request

from quartapp.telemetry import metrics
from quartapp.telemetry.event import Event
from quartapp.web.seen import seen_in

TAG_LENGTH: Final = 12  # characters

_log = logging.getLogger("quartapp.security")
# What somebody may have to look into; all else is what people do every day.
_WARNINGS = (".refused", ".limited", ".reused")


def security(event: str, **fields: object) -> None:
    """Write an event down, with the client's address and `by`, the account that asked for it.

    `user` is the id of the account that it is about. No field may hold what somebody typed.
    """
    metrics.event_happened(event)
    level = logging.WARNING if event.endswith(_WARNINGS) else logging.INFO
    if not _log.isEnabledFor(level):
        return
    if has_request_context():
        scope = cast(dict[str, Any], request.scope)
        fields = {"by": seen_in(scope).user, "client": (scope.get("client") or ("",))[0]} | fields
    _log.log(level, Event(event, fields))


def tag(name: str) -> str:
    """What stands for a name that nobody has: people type their passwords there.

    The same name has the same tag, which says nothing to those who have not the secret key.
    """
    key = str(current_app.config["SECRET_KEY"]).encode()
    text = b"name:" + name.encode("utf-8", "surrogatepass")
    return hmac.new(key, text, hashlib.sha256).hexdigest()[:TAG_LENGTH]
