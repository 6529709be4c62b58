"""An application that wants proofs, and clients that make them."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt as pyjwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from quart import Quart
from werkzeug.datastructures import Headers

import quartapp.jwt as ours
from quartapp.jwt import JWTManager, MemorySessionStore
from quartapp.jwt.session_store import utc_now
from tests.jwt.session_app import Clock
from tests.jwt.support import KEY, b64

ORIGIN = "http://localhost"
NULL = object()  # JSON's; None takes a claim away
RSA = rsa.generate_private_key(65_537, 2048)


@dataclass
class Key:
    """A client's key, and the proofs that it signs."""

    algorithm: str = "ES256"
    private: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def jwk(self) -> dict[str, Any]:
        algorithm = pyjwt.get_algorithm_by_name(self.algorithm)
        jwk: dict[str, Any] = algorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {name: value for name, value in jwk.items() if name != "key_ops"}

    def proof(
        self, path: str, method: str = "GET", *, about: str | None = None, **changes: Any
    ) -> str:
        claims: dict[str, Any] = {
            "jti": str(uuid4()),
            "htm": method,
            "htu": ORIGIN + path,
            "iat": int(time.time()),
        }
        if about is not None:
            claims["ath"] = b64(hashlib.sha256(about.encode()).digest())
        claims = {k: v for k, v in (claims | changes).items() if v is not None}
        return self.sign({k: None if v is NULL else v for k, v in claims.items()})

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        whole = {"typ": "dpop+jwt", "jwk": self.jwk} | header
        return pyjwt.encode(claims, self.private, algorithm=self.algorithm, headers=whole)


KEYS: dict[str, Callable[[], Key]] = {
    "ES256": Key,
    "EdDSA": lambda: Key("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    "RS256": lambda: Key("RS256", RSA),
}


def build(store: Any = None, *, clock: Clock | None = None, **dpop: Any) -> Quart:
    app = Quart("dpop")
    app.config["JWT_SECRET_KEY"] = KEY
    manager = JWTManager(app)
    store = store or MemorySessionStore()
    manager.use_sessions(store, clock=clock or utc_now)
    manager.use_dpop(store, clock=clock or utc_now, **dpop)

    @app.post("/login")
    async def login() -> dict[str, Any]:
        return (await ours.start_session("bob", dpop=True)).as_dict()

    @app.post("/login/optional")
    async def login_optional() -> dict[str, Any]:
        return (await ours.start_session("bob", dpop="optional")).as_dict()

    @app.post("/stateless")
    async def stateless() -> dict[str, Any]:
        claims = await ours.dpop_claims(optional=True)
        return {"access_token": await ours.create_access_token("bob", additional_claims=claims)}

    @app.post("/refresh")
    @ours.jwt_required(refresh=True, dpop="optional", locations=["headers", "json"])
    async def refresh() -> dict[str, Any]:
        return (await ours.rotate_session()).as_dict()

    guards: dict[str, dict[str, Any]] = {
        "/me": {"dpop": True},
        "/either": {"dpop": "optional"},
        "/bearer": {},
        "/maybe": {"dpop": True, "optional": True},
        "/live": {"dpop": True, "check_session": True},
        "/json": {"dpop": True, "locations": "json"},
        "/json/bearer": {"locations": "json"},
        "/a b/%C3%A9/x~y": {"dpop": True},
    }
    for path, guard in guards.items():
        rule = path.replace("%C3%A9", "é")

        @ours.jwt_required(**guard)
        async def view() -> dict[str, Any]:
            return {"me": ours.get_jwt_identity()}

        app.add_url_rule(rule, path, view, methods=["GET", "POST"])
    return app


Answer = tuple[int, Any, str | None]


async def send(
    app: Quart, method: str, path: str, headers: dict[str, str] | Headers, **sent: Any
) -> Answer:
    client = app.test_client()
    response = await client.open(path, method=method, headers=headers, **sent)
    challenge = response.headers.get("WWW-Authenticate")
    return response.status_code, await response.get_json(), challenge


async def signed_in(app: Quart, key: Key) -> dict[str, Any]:
    status, body, _ = await send(app, "POST", "/login", {"DPoP": key.proof("/login", "POST")})
    assert status == 200, body
    assert body["token_type"] == "DPoP"
    return dict(body)


def credentials(key: Key, access: str, path: str = "/me", **changes: Any) -> dict[str, str]:
    return {
        "Authorization": f"DPoP {access}",
        "DPoP": key.proof(path, about=access, **changes),
    }
