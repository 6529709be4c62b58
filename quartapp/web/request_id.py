"""The name of the current request, by which its lines in the log are found."""

from __future__ import annotations

from typing import Any, cast

from quart import has_request_context, request

KEY = "quartapp.request_id"  # in the scope


def request_id() -> str:
    """The id of the current request, "" outside of one; the header X-Request-ID tells the same."""
    if not has_request_context():
        return ""
    return str(cast(dict[str, Any], request.scope).get(KEY, ""))
