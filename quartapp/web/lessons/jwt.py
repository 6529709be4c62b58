"""JWT: a signed access token, given at login and sent with every request."""

from __future__ import annotations

from quart import Blueprint, request

from quartapp.jwt import create_access_token, get_jwt_identity, jwt_required
from quartapp.web.lessons._tokens import use_jwt_manager
from quartapp.web.login import authenticate

bp = Blueprint("jwt", __name__)
bp.record_once(use_jwt_manager)


@bp.post("/login")
async def login() -> tuple[dict[str, str], int]:
    """Hand out an access token, which lives 15 minutes."""
    form = await request.form
    account = await authenticate(form["username"], form["password"])
    if account is None:
        return {"msg": "Bad username or password"}, 401
    return {"access_token": await create_access_token(identity=account.username)}, 200


@bp.get("/dashboard")
@jwt_required()
async def dashboard() -> dict[str, str]:
    """Say whose token it is."""
    return {"logged_in_as": get_jwt_identity()}
