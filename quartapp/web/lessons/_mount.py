"""Where a lesson is being mounted: what its hooks at registration ask for."""

from __future__ import annotations

from typing import cast

from quart import Quart, has_request_context, has_websocket_context, request, websocket
from quart.blueprints import BlueprintSetupState


def app_of(state: BlueprintSetupState) -> Quart:
    """The application that the blueprint is being registered on."""
    return cast(Quart, state.app)


def root_of(state: BlueprintSetupState) -> str:
    """The path of a blueprint's root: `/lessons/flash`, or `/` if it has the site to itself."""
    return (state.url_prefix or "").rstrip("/") or "/"


def as_seen_by_client(root: str) -> str:
    """A root in the addresses of the client at hand, for whom the application may lie deeper."""
    if has_request_context():
        above = request.root_path
    else:
        above = websocket.root_path if has_websocket_context() else ""
    return f"{above}{root}" if root != "/" else above or "/"
