"""An application whose people sign in, refresh and sign out in JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from quart import Quart, request

import quartapp.jwt as ours
from quartapp.jwt import JWTManager, MemorySessionStore, Session, SessionStore
from tests.jwt.support import KEY, named, styled

IDLE = timedelta(days=14)
LIFETIME = timedelta(days=90)
GRACE = timedelta(seconds=10)


@dataclass
class Clock:
    """A clock that stands until it is advanced."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@dataclass
class World:
    """The application as its clients see it, and what lies behind."""

    app: Quart
    store: SessionStore
    clock: Clock
    reused: list[Session] = field(default_factory=list)

    async def sign_in(self, name: str = "bob", **headers: str) -> dict[str, Any]:
        response = await self.app.test_client().post(
            "/login", json={"name": name}, headers=headers or None
        )
        assert response.status_code == 200
        return dict(await response.get_json())

    async def refresh(self, tokens: dict[str, Any] | str) -> tuple[int, dict[str, Any]]:
        token = tokens if isinstance(tokens, str) else tokens["refresh_token"]
        return await self.call("POST", "/refresh", token)

    async def rotated(self, tokens: dict[str, Any]) -> dict[str, Any]:
        status, body = await self.refresh(tokens)
        assert status == 200, body
        return body

    async def call(self, method: str, path: str, token: str, **sent: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        client = self.app.test_client()
        response = await client.open(path, method=method, headers=headers, **sent)
        return response.status_code, await response.get_json()

    async def me(self, tokens: dict[str, Any]) -> int:
        status, _ = await self.call("GET", "/me", tokens["access_token"])
        return status


REVOKED = (401, {"msg": "Token has been revoked"})
EXPIRED = (401, {"msg": "Token has expired"})


def build_world(
    store: SessionStore | None = None,
    *,
    style: str = "async def",
    clock: Clock | None = None,
    idle: timedelta = IDLE,
    lifetime: timedelta = LIFETIME,
    grace: timedelta = GRACE,
    **options: Any,
) -> World:
    """Return an application with sessions in `store`; its views and callbacks in one style."""
    app = Quart("sessions")
    app.config["JWT_SECRET_KEY"] = KEY
    app.config.update({f"JWT_{name}": value for name, value in options.items()})
    world = World(app, store or MemorySessionStore(), clock or Clock())
    manager = JWTManager(app)
    manager.use_sessions(
        world.store,
        idle=idle,
        lifetime=lifetime,
        grace=grace,
        clock=world.clock,
        on_reuse=styled(style, world.reused.append),
    )
    add_routes(app, style)
    return world


def add_routes(app: Quart, style: str) -> None:
    @app.post("/login")
    async def login() -> dict[str, Any]:
        body = await request.get_json()
        tokens = await ours.start_session(body["name"], additional_claims={"role": "clerk"})
        return {**tokens.as_dict(), "session_id": tokens.session_id}

    @app.post("/refresh")
    @ours.jwt_required(refresh=True, locations=["headers", "json"])
    async def refresh() -> dict[str, Any]:
        return (await ours.rotate_session(additional_claims={"role": "clerk"})).as_dict()

    @app.post("/logout")
    @ours.jwt_required(verify_type=False)
    async def logout() -> dict[str, Any]:
        return {"ended": await ours.revoke_session(reason="signed out")}

    @app.post("/logout/everywhere")
    @ours.jwt_required(check_session=True)
    async def everywhere() -> dict[str, Any]:
        kept = ours.get_jwt()["sid"] if "keep" in request.args else None
        return {"ended": await ours.revoke_all_sessions(ours.get_jwt_identity(), keep=kept)}

    @app.get("/sessions")
    @ours.jwt_required(check_session=True)
    async def sessions() -> list[dict[str, Any]]:
        found = await ours.list_sessions(ours.get_jwt_identity())
        return [
            {
                "id": each.id,
                "created": each.created_at.isoformat(),
                "last_used": each.last_used_at.isoformat(),
                "address": each.address,
                "device": each.device,
            }
            for each in found
        ]

    @app.delete("/sessions/<session_id>")
    @ours.jwt_required(check_session=True)
    async def end(session_id: str) -> dict[str, Any]:
        mine = ours.get_jwt_identity()
        return {"ended": await ours.revoke_session(session_id, subject=mine)}

    @app.post("/revoke")
    @ours.jwt_required()
    async def revoke() -> dict[str, Any]:
        await ours.revoke_token((await request.get_json() or {}).get("token"))
        return {}

    view = named(styled(style, lambda: {"me": ours.get_jwt_identity()}), "me")
    app.add_url_rule("/me", "me", ours.jwt_required(check_session=True)(view))

    @app.get("/stateless")
    @ours.jwt_required()
    async def stateless() -> dict[str, Any]:
        return dict(ours.get_jwt())
