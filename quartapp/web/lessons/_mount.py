"""Where a lesson is being mounted: what its hooks at registration ask for."""

from __future__ import annotations

from typing import cast

from quart import Quart
from quart.blueprints import BlueprintSetupState


def app_of(state: BlueprintSetupState) -> Quart:
    """The application that the blueprint is being registered on."""
    return cast(Quart, state.app)


def root_of(state: BlueprintSetupState) -> str:
    """The path of a blueprint's root: `/lessons/flash`, or `/` if it has the site to itself."""
    return (state.url_prefix or "").rstrip("/") or "/"
