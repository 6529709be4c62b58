"""The token manager of the lessons: the application's default one, made where there is none."""

from __future__ import annotations

from quart.blueprints import BlueprintSetupState

from quartapp.jwt import JWTManager
from quartapp.web.lessons._mount import app_of


def use_jwt_manager(state: BlueprintSetupState) -> None:
    """Give the application a JWTManager unless it has one; options are read from its config."""
    app = app_of(state)
    if "flask-jwt-extended" not in app.extensions:
        JWTManager(app)
