"""JWT, refreshed: a second token that lives longer and gets new access tokens."""

from __future__ import annotations

from quart import Blueprint, request

from quartapp.jwt import (
    create_access_token,
    create_refresh_token,
    get_jwt_identity,
    jwt_required,
)
from quartapp.web.lessons._tokens import use_jwt_manager
from quartapp.web.login import authenticate

bp = Blueprint("jwt_refresh", __name__)
bp.record_once(use_jwt_manager)


@bp.post("/login")
async def login() -> tuple[dict[str, str], int]:
    """Hand out both tokens: the access token lives 15 minutes, the refresh token 30 days."""
    form = await request.form
    account = await authenticate(form["username"], form["password"])
    if account is None:
        return {"msg": "Bad username or password"}, 401
    return {
        "access_token": await create_access_token(identity=account.username),
        "refresh_token": await create_refresh_token(identity=account.username),
    }, 200


@bp.post("/refresh")
@jwt_required(refresh=True)
async def refresh() -> dict[str, str]:
    """Hand out a new access token to who holds a refresh token."""
    return {"access_token": await create_access_token(identity=get_jwt_identity())}


@bp.get("/dashboard")
@jwt_required()
async def dashboard() -> dict[str, str]:
    """Say whose token it is."""
    return {"logged_in_as": get_jwt_identity()}
