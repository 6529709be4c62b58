"""DPoP: a token bound to a key is worth nothing without it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quart import Quart
from werkzeug.datastructures import Headers

import quartapp.jwt as ours
from quartapp.jwt import JWTManager, MemorySessionStore
from quartapp.jwt.dpop import LONGEST_PROOF, thumbprint
from quartapp.jwt.session_store import utc_now
from tests.jwt.session_app import Clock
from tests.jwt.support import KEY, b64, token

ORIGIN = "http://localhost"
NULL = object()  # JSON's; None takes a claim away
_rsa = rsa.generate_private_key(65_537, 2048)


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
    "RS256": lambda: Key("RS256", _rsa),
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


ALGS = 'algs="ES256 EdDSA RS256"'


@pytest.mark.parametrize("algorithm", KEYS)
async def test_the_holder_of_the_key_comes_in(algorithm: str) -> None:
    app, key = build(), KEYS[algorithm]()
    tokens = await signed_in(app, key)
    access = tokens["access_token"]

    assert (await send(app, "GET", "/me", credentials(key, access)))[:2] == (200, {"me": "bob"})
    assert (await send(app, "GET", "/live", credentials(key, access, "/live")))[0] == 200
    claims = pyjwt.decode(access, options={"verify_signature": False})
    refresh = pyjwt.decode(tokens["refresh_token"], options={"verify_signature": False})
    assert claims["cnf"] == refresh["cnf"] == {"jkt": thumbprint(required(key.jwk))}


def required(jwk: dict[str, Any]) -> dict[str, str]:
    members = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
    return {name: jwk[name] for name in members[jwk["kty"]]}


def test_the_thumbprint_is_that_of_the_rfc() -> None:
    # RFC 7638 section 3.1.
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJ"
        "ECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW"
        "2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQ"
        "Fh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    assert thumbprint({"n": n, "e": "AQAB", "kty": "RSA"}) == (
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    )


async def test_a_stolen_token_is_worth_nothing() -> None:
    app, key, thief = build(), Key(), Key()
    access = (await signed_in(app, key))["access_token"]
    bearer = {"Authorization": f"Bearer {access}"}
    seen = credentials(key, access)
    await send(app, "GET", "/me", seen)

    stolen = [
        ("/me", bearer),
        ("/either", bearer),
        ("/bearer", bearer),
        ("/bearer", credentials(key, access, "/bearer")),
        ("/me", {"Authorization": f"DPoP {access}"}),
        ("/me", credentials(thief, access)),
        ("/me", seen),
        ("/either", seen | {"DPoP": thief.proof("/either", about=access)}),
        ("/either", bearer | {"DPoP": key.proof("/either", about=access)}),
    ]
    for path, headers in stolen:
        status, _, _ = await send(app, "GET", path, headers)
        assert status == 401, (path, headers)


@pytest.mark.parametrize(
    ("headers", "body", "challenge"),
    [
        (
            {},
            {
                "msg": "Missing 'DPoP' type in 'Authorization' header. "
                "Expected 'Authorization: DPoP <JWT>'"
            },
            f"DPoP {ALGS}",
        ),
        (
            {"Authorization": "DPoP TOKEN"},
            {"msg": "DPoP proof: exactly one header DPoP is needed", "error": "invalid_dpop_proof"},
            'DPoP error="invalid_dpop_proof", error_description="DPoP proof: '
            f'exactly one header DPoP is needed", {ALGS}',
        ),
        (
            {"Authorization": f"DPoP {token()}"},
            {"msg": "The token is bound to no key", "error": "invalid_token"},
            f'DPoP error="invalid_token", error_description="The token is bound to no key", {ALGS}',
        ),
        (
            {"Authorization": f"DPoP {token(exp=1)}"},
            {"msg": "Token has expired"},
            f'DPoP error="invalid_token", {ALGS}',
        ),
    ],
    ids=["no token", "no proof", "not bound", "expired"],
)
async def test_a_refusal_says_what_is_needed(
    headers: dict[str, str], body: dict[str, str], challenge: str
) -> None:
    app, key = build(), Key()
    access = (await signed_in(app, key))["access_token"]
    sent = {name: value.replace("TOKEN", access) for name, value in headers.items()}

    assert await send(app, "GET", "/me", sent) == (401, body, challenge)


async def test_in_a_body_too_a_token_needs_what_the_route_wants() -> None:
    app, key = build(), Key()
    bound = (await signed_in(app, key))["access_token"]

    async def answer(path: str, access: str, *, proof: bool) -> int:
        headers = {"DPoP": key.proof(path, "POST", about=access)} if proof else {}
        return (await send(app, "POST", path, headers, json={"access_token": access}))[0]

    for path, access, proof, status in [
        ("/json", bound, True, 200),
        ("/json", bound, False, 401),
        ("/json", token(), True, 401),
        ("/json/bearer", bound, True, 401),
        ("/json/bearer", bound, False, 401),
        ("/json/bearer", token(), False, 200),
    ]:
        assert await answer(path, access, proof=proof) == status, (path, access, proof)


async def test_the_scheme_is_for_bound_tokens_alone() -> None:
    sent = credentials(Key(), token(), "/either")

    status, body, _ = await send(build(), "GET", "/either", sent)

    assert (status, body["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("value", ["DPoP", "DPoP a b"])
async def test_a_malformed_header_is_answered_as_with_bearer(value: str) -> None:
    answer = await send(build(), "GET", "/me", {"Authorization": value})

    assert answer[:2] == (
        422,
        {"msg": "Bad Authorization header. Expected 'Authorization: DPoP <JWT>'"},
    )


async def test_the_scheme_is_written_in_any_case() -> None:
    app, key = build(), Key()
    access = (await signed_in(app, key))["access_token"]

    for path in ("/me", "/either"):
        sent = credentials(key, access, path) | {"Authorization": f"dpop {access}"}
        assert (await send(app, "GET", path, sent))[0] == 200


async def test_bearer_tokens_pass_where_both_are_taken() -> None:
    app = build()
    sent = {"Authorization": f"Bearer {token()}"}

    assert [(await send(app, "GET", path, sent))[0] for path in ("/either", "/bearer", "/me")] == [
        200,
        200,
        401,
    ]
    assert (await send(app, "GET", "/maybe", {}))[:2] == (200, {"me": None})


CHANGES: dict[str, dict[str, Any]] = {
    "no jti": {"jti": None},
    "an empty jti": {"jti": ""},
    "a long jti": {"jti": "x" * 257},
    "a jti that is a number": {"jti": 7},
    "no htm": {"htm": None},
    "another method": {"htm": "POST"},
    "a method in lower case": {"htm": "get"},
    "no htu": {"htu": None},
    "a htu that is a list": {"htu": [ORIGIN + "/me"]},
    "another path": {"htu": ORIGIN + "/you"},
    "another case of the path": {"htu": ORIGIN + "/ME"},
    "a longer path": {"htu": ORIGIN + "/me/"},
    "another host": {"htu": "http://example.org/me"},
    "another port": {"htu": "http://localhost:8000/me"},
    "another scheme": {"htu": "https://localhost/me"},
    "a user": {"htu": "http://bob@localhost/me"},
    "a relative htu": {"htu": "/me"},
    "a htu that is none": {"htu": "http://[::1/me"},
    "a port that is none": {"htu": "http://localhost:99999/me"},
    "no iat": {"iat": None},
    "an iat that is a text": {"iat": str(int(time.time()))},
    "an iat that is a truth value": {"iat": True},
    "a negative iat": {"iat": -1},
    "an enormous iat": {"iat": 10**300},
    "an iat beyond all floats": {"iat": 10**400},
    "an infinite iat": {"iat": float("inf")},
    "an iat that is no number": {"iat": float("nan")},
    "no ath": {"ath": None},
    "another ath": {"ath": b64(hashlib.sha256(b"x").digest())},
    "an empty ath": {"ath": ""},
    "an ath that is null": {"ath": NULL},
    "an ath that is a number": {"ath": 1},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=list(CHANGES))
async def test_a_proof_about_something_else_is_refused(changes: dict[str, Any]) -> None:
    app, key = build(), Key()
    access = (await signed_in(app, key))["access_token"]

    status, body, _ = await send(app, "GET", "/me", credentials(key, access, **changes))

    assert (status, body["error"]) == (401, "invalid_dpop_proof")


def headers_of(key: Key, **changes: Any) -> Callable[[dict[str, Any]], str]:
    return lambda claims: key.sign(claims, **changes)


def with_header(raw: str) -> Callable[[dict[str, Any]], str]:
    """A proof whose header is this very JSON, its signature right."""

    def sign(claims: dict[str, Any]) -> str:
        text = raw.replace("JWK", json.dumps(_key.jwk))
        signed = f"{b64(text.encode())}.{b64(json.dumps(claims).encode())}"
        signature = pyjwt.get_algorithm_by_name("ES256").sign(signed.encode(), _key.private)
        return f"{signed}.{b64(signature)}"

    return sign


def secret_key(claims: dict[str, Any]) -> str:
    header = {"typ": "dpop+jwt", "jwk": {"kty": "oct", "k": b64(b"x" * 32)}}
    return pyjwt.encode(claims, b"x" * 32, algorithm="HS256", headers=header)


def unsigned(claims: dict[str, Any]) -> str:
    header = {"typ": "dpop+jwt", "alg": "none", "jwk": _key.jwk}
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}."


_key = Key()
_other = Key()
_short = rsa.generate_private_key(65_537, 1024)  # noqa: S505 - to be refused
_long = Key("RS256", rsa.generate_private_key(65_537, 4096 + 64))
FORGED: dict[str, Callable[[dict[str, Any]], str]] = {
    "typ JWT": headers_of(_key, typ="JWT"),
    "no typ": headers_of(_key, typ=None),
    "no jwk": headers_of(_key, jwk=None),
    "a jwk that is a text": headers_of(_key, jwk="x"),
    "an empty jwk": headers_of(_key, jwk={}),
    "the jwk of another key": headers_of(_key, jwk=_other.jwk),
    "a jwk with its private part": headers_of(_key, jwk=_key.jwk | {"d": "x"}),
    "a jwk off the curve": headers_of(_key, jwk=_key.jwk | {"y": _other.jwk["y"]}),
    "a jwk of another curve": headers_of(_key, jwk=_key.jwk | {"crv": "P-384"}),
    "a jwk of numbers": headers_of(_key, jwk=_key.jwk | {"x": 7}),
    "a jwk in other letters": headers_of(_key, jwk=_key.jwk | {"x": "é"}),
    "an RSA jwk under ES256": headers_of(_key, jwk=KEYS["RS256"]().jwk),
    "a short RSA key": headers_of(Key("RS256", _short)),
    "a long RSA key": headers_of(_long),
    "a long exponent": headers_of(KEYS["RS256"](), jwk=KEYS["RS256"]().jwk | {"e": "AQAB" * 9}),
    "Ed448": headers_of(Key("EdDSA", ed448.Ed448PrivateKey.generate())),
    "ES384": headers_of(Key("ES384", ec.generate_private_key(ec.SECP384R1()))),
    "PS256": headers_of(Key("PS256", _rsa)),
    "HS256": secret_key,
    "none": unsigned,
    "crit": headers_of(_key, crit=["x"], x=1),
    "a header that names the jwk twice": with_header(
        '{"typ":"dpop+jwt","alg":"ES256","jwk":{},"jwk":JWK}'
    ),
    "no JSON": lambda _: "e30.e30.e30",
    "no JWT": lambda _: "x",
    "nothing": lambda _: "",
    "padding": lambda claims: _key.sign(claims) + "=",
    "not ASCII": lambda claims: _key.sign(claims) + "é",
    "two in one header": lambda claims: f"{_key.sign(claims)}, {_key.sign(claims)}",
    "too long": lambda claims: _key.sign(claims | {"x": "x" * LONGEST_PROOF}),
    "too long by its jwk": headers_of(_key, jwk=_key.jwk | {"x5c": "x" * LONGEST_PROOF}),
    "nested": lambda claims: _key.sign(claims | {"x": json.loads("[" * 500 + "]" * 500)}),
}


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("forge", FORGED.values(), ids=list(FORGED))
async def test_a_forged_proof_is_refused(forge: Callable[[dict[str, Any]], str]) -> None:
    app = build()
    claims = {"jti": "1", "htm": "POST", "htu": ORIGIN + "/login", "iat": int(time.time())}

    status, body, challenge = await send(app, "POST", "/login", {"DPoP": forge(claims)})

    if forge is FORGED["nested"]:
        assert status == 200
    else:
        assert (status, body["error"], challenge) == (400, "invalid_dpop_proof", None)


async def test_two_proofs_are_none() -> None:
    key = Key()
    headers = Headers([("DPoP", key.proof("/login", "POST")) for _ in range(2)])

    assert (await send(build(), "POST", "/login", headers))[0] == 400


@pytest.mark.parametrize(
    ("htu", "path"),
    [
        ("http://localhost/me", "/me?x=1"),
        ("http://localhost/me?y=2#z", "/me"),
        ("HTTP://LocalHost:80/me", "/me"),
        ("http://localhost/%6De", "/me"),
        ("http://localhost/a%20b/%c3%a9/x%7ey", "/a b/é/x~y"),
    ],
)
async def test_addresses_are_compared_normalised(htu: str, path: str) -> None:
    app, key = build(), Key()
    access = (await signed_in(app, key))["access_token"]

    assert (await send(app, "GET", path, credentials(key, access, htu=htu)))[0] == 200


async def test_the_origin_can_be_set_fast() -> None:
    app, key = build(origins=["https://api.example.org", "http://localhost:80"]), Key()
    access = (await signed_in(app, key))["access_token"]

    async def answer(origin: str, host: str) -> int:
        sent = credentials(key, access, htu=f"{origin}/me") | {"Host": host}
        return (await send(app, "GET", "/me", sent))[0]

    assert await answer("https://api.example.org", "internal:8000") == 200
    # A proof made for somebody else's site, sent on with that one's name.
    assert await answer("http://evil.example", "evil.example") == 401


async def test_without_an_origin_the_host_counts() -> None:
    app, key = build(), Key()
    access = (await signed_in(app, key))["access_token"]
    sent = credentials(key, access, htu="http://api.example.org/me") | {"Host": "api.example.org"}

    assert (await send(app, "GET", "/me", sent))[0] == 200
    sent = credentials(key, access) | {"Host": "localhost:x"}
    assert (await send(app, "GET", "/me", sent))[0] in {400, 401}


@pytest.mark.parametrize(
    ("age", "status"),
    [(-6.0, 401), (-5.0, 200), (0.0, 200), (60.0, 200), (60.5, 401), (3600.0, 401)],
)
async def test_a_proof_is_good_for_a_minute(age: float, status: int) -> None:
    clock = Clock(datetime.now(UTC).replace(microsecond=0))
    app, key = build(clock=clock), Key()
    access = (await signed_in(app, key))["access_token"]

    sent = credentials(key, access, iat=clock.now.timestamp() - age)
    assert (await send(app, "GET", "/me", sent))[0] == status


async def test_a_proof_is_good_once_over_all_processes() -> None:
    store, key = MemorySessionStore(), Key()
    apps = [build(store), build(store)]
    access = (await signed_in(apps[0], key))["access_token"]
    sent = credentials(key, access)

    answers = await asyncio.gather(*(send(app, "GET", "/me", sent) for app in apps * 25))

    assert [status for status, _, _ in answers].count(200) == 1


async def test_the_same_jti_of_another_key_is_another_proof() -> None:
    app, key, other = build(), Key(), Key()
    for each in (key, other):
        sent = {"DPoP": each.proof("/login", "POST", jti="1")}
        assert (await send(app, "POST", "/login", sent))[0] == 200


async def test_a_refused_proof_takes_no_room() -> None:
    store, key = MemorySessionStore(most_keys=2), Key()
    app = build(store)
    access = (await signed_in(app, key))["access_token"]
    for _ in range(5):
        assert (await send(app, "GET", "/me", credentials(key, access, htm="PUT")))[0] == 401

    assert (await send(app, "GET", "/me", credentials(key, access)))[0] == 200
    # No room for a third: then nobody can tell whether it is new.
    assert (await send(app, "GET", "/me", credentials(key, access)))[0] == 401


async def test_rotation_needs_the_key_and_keeps_the_binding() -> None:
    app, key, thief = build(), Key(), Key()
    first = await signed_in(app, key)

    async def rotate(by: Key | None, scheme: str = "") -> Answer:
        headers = {} if by is None else {"DPoP": by.proof("/refresh", "POST")}
        if scheme:
            headers["Authorization"] = f"{scheme} {first['refresh_token']}"
            return await send(app, "POST", "/refresh", headers)
        sent = {"refresh_token": first["refresh_token"]}
        return await send(app, "POST", "/refresh", headers, json=sent)

    for stolen in [(None, ""), (None, "Bearer"), (key, "Bearer"), (thief, ""), (thief, "DPoP")]:
        assert (await rotate(*stolen))[0] in {400, 401}
    status, second, _ = await rotate(key)
    assert (status, second["token_type"]) == (200, "DPoP")
    status, again, _ = await rotate(key, "DPoP")
    assert (status, again["refresh_token"]) == (200, second["refresh_token"])
    access = second["access_token"]
    assert (await send(app, "GET", "/me", credentials(key, access)))[0] == 200
    assert (await send(app, "GET", "/me", {"Authorization": f"Bearer {access}"}))[0] == 401


async def test_a_refresh_tokens_proof_may_be_about_it_but_about_no_other() -> None:
    app, key = build(), Key()
    tokens = await signed_in(app, key)
    sent = {"refresh_token": tokens["refresh_token"]}
    wrong = {"DPoP": key.proof("/refresh", "POST", about="another")}
    right = {"DPoP": key.proof("/refresh", "POST", about=tokens["refresh_token"])}

    assert (await send(app, "POST", "/refresh", wrong, json=sent))[0] in {400, 401}
    assert (await send(app, "POST", "/refresh", right, json=sent))[0] == 200


@pytest.mark.parametrize("path", ["/login/optional", "/stateless"])
async def test_binding_is_left_to_the_client_where_it_is_optional(path: str) -> None:
    app, key = build(), Key()
    _, bearer, _ = await send(app, "POST", path, {})
    _, bound, _ = await send(app, "POST", path, {"DPoP": key.proof(path, "POST")})
    status, body, _ = await send(app, "POST", path, {"DPoP": key.proof("/x", "POST")})

    assert (status, body["error"]) == (400, "invalid_dpop_proof")
    sent = {"Authorization": f"Bearer {bearer['access_token']}"}
    assert (await send(app, "GET", "/bearer", sent))[0] == 200
    sent = credentials(key, bound["access_token"], "/either")
    assert (await send(app, "GET", "/either", sent))[0] == 200


@pytest.mark.parametrize("cnf", [{"jkt": None}, {"jkt": 7}, {"jkt": ["x"]}, {"jkt": ""}])
async def test_a_strange_binding_is_refused(cnf: Any) -> None:
    app, key = build(), Key()
    access = token(cnf=cnf)

    for path in ("/me", "/either", "/bearer"):
        for scheme in ("Bearer", "DPoP"):
            sent = credentials(key, access, path) | {"Authorization": f"{scheme} {access}"}
            assert (await send(app, "GET", path, sent))[0] == 401


@pytest.mark.parametrize("cnf", [{}, {"x5t#S256": "x"}, "jkt", None, ["jkt"], 7])
async def test_another_kind_of_confirmation_is_none_of_ours(cnf: Any) -> None:
    access = token(cnf=cnf)

    assert (await send(build(), "GET", "/bearer", {"Authorization": f"Bearer {access}"}))[0] == 200


async def test_a_callback_can_answer() -> None:
    app = build()
    manager: JWTManager = app.extensions["flask-jwt-extended"]

    @manager.invalid_token_loader
    async def answer(text: str) -> tuple[dict[str, str], int]:
        return {"detail": text}, 401

    status, body, challenge = await send(app, "GET", "/me", {"Authorization": f"DPoP {token()}"})

    assert (status, body) == (401, {"detail": "The token is bound to no key"})
    assert challenge is not None
    assert challenge.startswith('DPoP error="invalid_token"')


async def test_without_use_dpop_it_is_a_mistake_of_the_program() -> None:
    app = Quart("none")
    app.config["JWT_SECRET_KEY"] = KEY
    JWTManager(app)
    async with app.test_request_context("/"):
        with pytest.raises(RuntimeError, match="use_dpop"):
            await ours.verify_jwt_in_request(dpop=True)
        with pytest.raises(RuntimeError, match="use_dpop"):
            await ours.dpop_claims()
    async with app.app_context():
        with pytest.raises(RuntimeError, match="request"):
            await ours.dpop_claims()


@pytest.mark.parametrize(
    "arguments",
    [
        {"algorithms": []},
        {"algorithms": ["HS256"]},
        {"algorithms": ["ES256", "none"]},
        {"max_age": 0},
        {"max_age": timedelta(seconds=-1)},
        {"origins": ["api.example.org"]},
        {"origins": ["ftp://example.org"]},
        {"origins": ["https://"]},
    ],
)
def test_settings_that_make_no_sense_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"DPoP|proof|address"):
        JWTManager().use_dpop(MemorySessionStore(), **arguments)


async def test_only_the_algorithms_chosen_are_taken() -> None:
    app = build(algorithms=["EdDSA"])
    sent = {"DPoP": Key().proof("/login", "POST")}
    assert (await send(app, "POST", "/login", sent))[0] == 400
    await signed_in(app, KEYS["EdDSA"]())


_app = build()


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_whatever_is_changed_in_a_proof_it_is_refused(data: st.DataObject) -> None:
    proof = _key.proof("/login", "POST")
    place = data.draw(st.integers(0, len(proof) - 2))
    character = data.draw(st.sampled_from("ABxyz019-_.=, %\xe9"))
    if proof[place] == character:
        return
    changed = proof[:place] + character + proof[place + 1 :]

    status, body, _ = await send(_app, "POST", "/login", {"DPoP": changed})

    assert (status, body["error"]) == (400, "invalid_dpop_proof")
