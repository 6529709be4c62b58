"""Keys of another issuer: fetched seldom, kept when they cannot be had, never for signing."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import jwt as pyjwt
import pytest
from quart import Quart

import quartapp.jwt as ours
from quartapp.jwt import remote_keys as module
from quartapp.jwt.keys import Key, KeyRing
from quartapp.jwt.remote_keys import KeysUnavailableError, RemoteKeys, parse_jwks
from tests.jwt.support import VIEW_STYLES, bearer, build
from tests.jwt.test_keys import EC, ED, HS, KEYS, RSA, signed_by

URL = "https://issuer.example/jwks.json"
DOCUMENT = KeyRing([EC, *(key.retiring(2**40) for key in (ED, RSA))]).jwks()


class Issuer:
    """Answers fetches, and counts them."""

    def __init__(self, document: Any = None) -> None:
        self.document: Any = DOCUMENT if document is None else document
        self.fetches: list[str] = []
        self.delay = 0.0

    async def __call__(self, url: str) -> Any:
        self.fetches.append(url)
        await asyncio.sleep(self.delay)
        if isinstance(self.document, Exception):
            raise self.document
        return self.document


class Clock:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


async def ask(app: Quart, encoded: str) -> int:
    response = await app.test_client().get("/protected", headers=dict(bearer(encoded)))
    return response.status_code


@pytest.mark.parametrize("style", VIEW_STYLES)
@pytest.mark.parametrize("form", [dict, json.dumps, lambda d: json.dumps(d).encode()])
async def test_tokens_of_the_issuer_are_let_in(form: Callable[[Any], Any], style: str) -> None:
    issuer = Issuer(form(DOCUMENT))
    app = build(style, KEYS=RemoteKeys(URL, issuer))

    assert [await ask(app, signed_by(key)) for key in (EC, ED, RSA)] == [200] * 3
    assert await ask(app, signed_by(HS)) == 422
    assert issuer.fetches == [URL]


async def test_it_never_signs() -> None:
    async with build(KEYS=RemoteKeys(URL, Issuer())).app_context():
        with pytest.raises(RuntimeError, match="cannot sign"):
            await ours.create_access_token("bob")


async def test_nothing_is_fetched_before_it_is_needed_and_then_once(clock: Clock) -> None:
    issuer = Issuer()
    keys = RemoteKeys(URL, issuer)
    assert issuer.fetches == []

    issuer.delay = 0.01
    found = await asyncio.gather(*(keys.find(EC.kid) for _ in range(50)))

    assert {key.kid for key in found if key} == {EC.kid}
    assert len(issuer.fetches) == 1


async def test_unknown_names_bring_about_one_fetch_a_minute(clock: Clock) -> None:
    issuer = Issuer()
    keys = RemoteKeys(URL, issuer)
    await keys.find(EC.kid)

    clock.now += 59.9
    assert await keys.find("unknown") is None
    assert len(issuer.fetches) == 1

    clock.now += 0.1
    issuer.delay = 0.01
    found = await asyncio.gather(*(keys.find(f"unknown-{n}") for n in range(100)))
    assert set(found) == {None}
    assert len(issuer.fetches) == 2

    for n in range(59):
        clock.now += 1
        assert await keys.find(f"other-{n}") is None
    assert len(issuer.fetches) == 2


async def test_a_key_that_the_issuer_added_is_found_by_all_who_ask_at_once(clock: Clock) -> None:
    new = Key.generate("EdDSA")
    issuer = Issuer()
    keys = RemoteKeys(URL, issuer)
    await keys.find(EC.kid)
    clock.now += 60

    issuer.document = {"keys": [new.public_jwk()]}
    issuer.delay = 0.01
    found = await asyncio.gather(*(keys.find(new.kid) for _ in range(20)))

    assert all(key is not None and key.kid == new.kid for key in found)
    assert len(issuer.fetches) == 2
    # What the issuer no longer lists is no longer taken.
    assert await keys.find(EC.kid) is None


FAULTS: dict[str, Any] = {
    "the network is away": OSError("away"),
    "an error of any kind": KeyError("x"),
    "empty": b"",
    "no JSON": b"<html>",
    "not UTF-8": b"\xff\xfe",
    "a list": b"[]",
    "null": "null",
    "a number": 5,
    "None": None,
    "no keys": {"keys": []},
    "keys no list": {"keys": {"a": 1}},
    "keys of no use": {"keys": [1, None, {}, {"kty": "RSA"}, HS.secret_jwk()]},
    "nested": b"[" * 500_000,
    "too large": json.dumps(DOCUMENT).encode() + b" " * 2**20,
}


@pytest.mark.parametrize("name", FAULTS)
async def test_the_keys_known_stay_when_no_others_can_be_had(
    name: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    issuer = Issuer()
    keys = RemoteKeys(URL, issuer, lifetime=600)
    app = build(KEYS=keys)
    assert await ask(app, signed_by(EC)) == 200

    issuer.document = FAULTS[name]
    clock.now += 600
    assert await ask(app, signed_by(EC)) == 200
    assert await ask(app, signed_by(HS)) == 422
    assert len(issuer.fetches) == 2
    assert "cannot be had" in caplog.text

    issuer.document = {"keys": [ED.public_jwk()]}
    clock.now += 60
    assert [await ask(app, signed_by(key)) for key in (ED, EC)] == [200, 422]
    assert len(issuer.fetches) == 3


@pytest.mark.parametrize("name", FAULTS)
async def test_without_any_keys_the_answer_is_503_and_the_issuer_is_left_in_peace(
    name: str, clock: Clock
) -> None:
    issuer = Issuer(FAULTS[name])
    issuer.document = FAULTS[name]
    keys = RemoteKeys(URL, issuer)
    app = build(KEYS=keys)

    for _ in range(3):
        response = await app.test_client().get("/protected", headers=dict(bearer(signed_by(EC))))
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "5"
    assert len(issuer.fetches) == 1
    with pytest.raises(KeysUnavailableError):
        await keys.find(EC.kid)

    issuer.document = DOCUMENT
    clock.now += 5
    assert await ask(app, signed_by(EC)) == 200


async def test_an_issuer_that_does_not_answer_is_waited_for_no_longer_than_agreed() -> None:
    issuer = Issuer()
    issuer.delay = 30
    keys = RemoteKeys(URL, issuer, timeout=0.02)

    with pytest.raises(KeysUnavailableError):
        await asyncio.wait_for(keys.find(EC.kid), 5)


async def test_who_hangs_up_takes_nobody_else_s_keys_away() -> None:
    issuer = Issuer()
    issuer.delay = 0.05
    keys = RemoteKeys(URL, issuer)

    first, *others = [asyncio.create_task(keys.find(EC.kid)) for _ in range(3)]
    await asyncio.sleep(0.01)
    first.cancel()

    assert [key.kid for key in await asyncio.gather(*others) if key] == [EC.kid] * 2
    assert len(issuer.fetches) == 1


def test_a_second_event_loop_does_not_wait_for_the_first() -> None:
    issuer = Issuer()
    issuer.delay = 0.3
    keys = RemoteKeys(URL, issuer)
    first = threading.Thread(target=lambda: asyncio.run(keys.find(EC.kid)))
    first.start()
    while not issuer.fetches:
        time.sleep(0.001)

    keys._tried = float("-inf")
    found = asyncio.run(keys.find(EC.kid))

    first.join()
    assert found is not None
    assert len(issuer.fetches) == 2


def one(changes: dict[str, Any], key: Key = EC) -> dict[str, Any]:
    jwk = key.secret_jwk() | changes
    return {name: value for name, value in jwk.items() if value is not None}


@pytest.mark.parametrize(
    "jwk",
    [
        one({"kid": None}),
        one({"kid": 5}),
        one({"kid": "x" * 257}),
        one({"use": "enc"}),
        one({"key_ops": ["encrypt"]}),
        one({"key_ops": "verify"}),
        one({"alg": "HS256"}),
        one({"alg": "none"}),
        one({"alg": ["ES256"]}),
        one({"alg": "ECDH-ES"}),
        one({"alg": "RS256"}),
        one({"x": "AAAA"}),
        one({"x": 5}),
        one({"crv": "P-521"}),
        one({}, HS),
        one({"alg": "RS256"}, HS),
        one({"n": "AQAB"}, RSA),
        one({"n": "_" * 2_000}, RSA),
        one({"e": "AA"}, RSA),
        one({"kty": ["RSA"]}, RSA),
    ],
)
def test_a_key_of_no_use_is_left_out(jwk: dict[str, Any]) -> None:
    ring = parse_jwks({"keys": [jwk, ED.public_jwk()]})

    assert [key.kid for key in ring.keys] == [ED.kid]


@pytest.mark.parametrize(
    ("jwk", "algorithm"),
    [
        (one({"alg": None}), "ES256"),
        (one({"alg": None}, ED), "EdDSA"),
        (one({"alg": "Ed25519"}, ED), "EdDSA"),
        (one({"alg": None}, RSA), "RS256"),
        (one({"alg": "PS256"}, RSA), "PS256"),
        (one({"use": None, "key_ops": ["verify"]}), "ES256"),
    ],
)
def test_a_key_without_algorithm_has_that_of_its_kind(jwk: dict[str, Any], algorithm: str) -> None:
    assert [key.algorithm for key in parse_jwks({"keys": [jwk]}).keys] == [algorithm]


async def test_a_secret_half_in_the_document_is_not_kept() -> None:
    ring = parse_jwks({"keys": [one({}), one({}, RSA)]})

    assert [key.signs for key in ring.keys] == [False, False]
    with pytest.raises(RuntimeError, match="can sign"):
        await ring.signing_key()


def test_of_two_keys_with_one_name_the_first_counts_and_many_are_too_many() -> None:
    ring = parse_jwks({"keys": [one({"kid": "a"}), one({"kid": "a"}, ED)]})
    assert [key.algorithm for key in ring.keys] == ["ES256"]

    many = {"keys": [one({"kid": str(n)}) for n in range(200)]}
    assert len(parse_jwks(many).keys) == 100


async def test_the_default_way_is_https_alone() -> None:
    for url in ("http://issuer.example/", "file:///etc/passwd", "https:///x", "x", ""):
        with pytest.raises(ValueError, match="https"):
            RemoteKeys(url)
    assert RemoteKeys(URL)


async def test_a_token_cannot_say_where_keys_are_fetched_from() -> None:
    issuer = Issuer()
    app = build(KEYS=RemoteKeys(URL, issuer))
    evil = Key.generate("ES256")
    header = {"jku": "https://evil.example/", "x5u": "https://evil.example/", "iss": "x"}

    assert await ask(app, signed_by(evil, header)) == 422
    assert await ask(app, signed_by(evil, header | {"kid": EC.kid})) == 422
    assert set(issuer.fetches) == {URL}


async def test_the_public_key_is_no_secret_here_either() -> None:
    app = build(KEYS=RemoteKeys(URL, Issuer()))
    encoded = pyjwt.encode(
        {"sub": "bob"}, json.dumps(RSA.public_jwk()).encode()[:40], headers={"kid": RSA.kid}
    )

    assert await ask(app, encoded) == 422
    assert {k.algorithm for k in KEYS.values()} == {"ES256", "EdDSA", "RS256", "HS256"}
