"""Keys in a file: nobody else reads it, everybody sees it change, nothing breaks it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from quart import Quart

import quartapp.jwt as ours
from quartapp.jwt import key_file as module
from quartapp.jwt.key_file import KeyFile, KeyFileError, MissingKeyFileError
from quartapp.jwt.keys import Key
from tests.jwt.support import bearer, build

IN_A_THREAD = asyncio.to_thread


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "keys.json"


@pytest.fixture
def file(path: Path) -> KeyFile:
    """A file with one key."""
    made = KeyFile(path)
    made.rotate()
    return made


@pytest.fixture
def always_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass between two looks at the file."""
    monkeypatch.setattr(module, "_LOOK_AGAIN", 0.0)


def put(path: Path, text: str | bytes, mode: int = 0o600) -> None:
    """Replace the file as a careless person would: in place."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)


def counted(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, calls: list[object]) -> None:
    """Note each call of a function."""
    function = getattr(where, name)

    def noting(argument: object) -> Any:
        calls.append(argument)
        return function(argument)

    monkeypatch.setattr(where, name, noting)


async def ask(app: Quart, encoded: str) -> int:
    response = await app.test_client().get("/protected", headers=dict(bearer(encoded)))
    return response.status_code


def test_the_first_rotation_makes_the_file_for_its_owner_alone(path: Path) -> None:
    previous = os.umask(0)
    try:
        key = KeyFile(path).rotate()
    finally:
        os.umask(previous)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.algorithm == "ES256"
    assert sorted(p.name for p in path.parent.iterdir()) == ["keys.json", "keys.json.lock"]
    assert stat.S_IMODE((path.parent / "keys.json.lock").stat().st_mode) == 0o600


def test_a_rotation_keeps_the_algorithm_unless_another_is_named(file: KeyFile) -> None:
    assert file.rotate().algorithm == "ES256"
    assert file.rotate("EdDSA").algorithm == "EdDSA"
    assert file.rotate().algorithm == "EdDSA"
    assert len(file.read().keys) == 4


def test_a_rotation_drops_what_is_retired(file: KeyFile) -> None:
    first = file.read().signing.kid
    file.rotate(overlap=timedelta(0))
    second = file.read().signing.kid
    file.rotate(overlap=timedelta(days=1))

    kids = [key.kid for key in file.read().keys]
    assert first not in kids
    assert kids[1:] == [second]
    with pytest.raises(ValueError, match="negative"):
        file.rotate(overlap=timedelta(seconds=-1))


def test_an_unknown_algorithm_leaves_the_file_as_it_was(file: KeyFile, path: Path) -> None:
    before = path.read_bytes()

    for algorithm in ("none", "HS512", "x"):
        with pytest.raises(ValueError, match="none of"):
            file.rotate(algorithm)

    assert path.read_bytes() == before


def test_it_is_made_once(path: Path) -> None:
    assert KeyFile(path).make("EdDSA") is True
    before = path.read_bytes()
    assert KeyFile(path).make("EdDSA") is False
    assert path.read_bytes() == before
    assert KeyFile(path).read().signing.algorithm == "EdDSA"


GOOD = json.dumps({"keys": [Key.generate("HS256").secret_jwk()]})
SECRET = json.loads(GOOD)["keys"][0]["k"]
BROKEN: dict[str, str | bytes] = {
    "empty": "",
    "no JSON": "{" + GOOD,
    "cut off": GOOD[:-3],
    "a list": "[]",
    "null": "null",
    "no keys": "{}",
    "keys no list": '{"keys": {}}',
    "a key that is none": '{"keys": [5]}',
    "a key without kid": GOOD.replace('"kid"', '"name"'),
    "a kid that is a number": json.dumps({"keys": [json.loads(GOOD)["keys"][0] | {"kid": 5}]}),
    "an unknown algorithm": GOOD.replace("HS256", "HS257"),
    "alg none": GOOD.replace("HS256", "none"),
    "a key of another kind": GOOD.replace("HS256", "RS256"),
    "a short secret": GOOD.replace(SECRET, "AAAA"),
    "a secret that is no text": json.dumps({"keys": [json.loads(GOOD)["keys"][0] | {"k": 5}]}),
    "retires a text": GOOD.replace('"made":', '"retires": "soon", "made":'),
    "made a float": json.dumps({"keys": [json.loads(GOOD)["keys"][0] | {"made": 1.5}]}),
    "one kid twice": json.dumps({"keys": json.loads(GOOD)["keys"] * 2}),
    "two that sign": json.dumps(
        {"keys": [*json.loads(GOOD)["keys"], Key.generate("EdDSA").secret_jwk()]}
    ),
    "not UTF-8": b"\xff\xfe\xfd",
    "nested": "[" * 100_000,
    "too large": GOOD + " " * 2**20,
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_file_is_refused_in_words_without_what_it_holds(
    name: str, path: Path
) -> None:
    path.parent.mkdir()
    put(path, BROKEN[name])
    file = KeyFile(path)

    for act in (file.read, file.rotate):
        with pytest.raises(KeyFileError) as caught:
            await IN_A_THREAD(act)
        assert str(path) in str(caught.value)
        assert SECRET not in str(caught.value)
    assert path.read_bytes() == (
        BROKEN[name] if isinstance(BROKEN[name], bytes) else str(BROKEN[name]).encode()
    )
    with pytest.raises(KeyFileError):
        await file.find("x")
    with pytest.raises(KeyFileError):
        await file.jwks()


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.usefixtures("always_look")
async def test_the_last_good_keys_stay_while_a_broken_file_lies_there(
    name: str, file: KeyFile, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = (await file.signing_key()).kid
    put(path, BROKEN[name])

    for _ in range(3):
        assert (await file.signing_key()).kid == good
    assert await file.find("unknown") is None

    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1
    assert SECRET not in caplog.text
    put(path, GOOD)
    assert (await file.signing_key()).algorithm == "HS256"

    put(path, BROKEN[name])
    assert (await file.signing_key()).algorithm == "HS256"
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 2


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666, 0o601])
def test_a_file_that_others_can_reach_is_refused(mode: int, file: KeyFile, path: Path) -> None:
    path.chmod(mode)

    with pytest.raises(KeyFileError, match=r"read by others.*chmod 600"):
        file.read()
    with pytest.raises(KeyFileError, match="read by others"):
        file.rotate()


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_that_its_owner_alone_reads_is_taken(mode: int, file: KeyFile, path: Path) -> None:
    path.chmod(mode)

    assert file.read().signing


def test_no_file_is_told_from_a_broken_one(path: Path) -> None:
    with pytest.raises(MissingKeyFileError, match="no key file"):
        KeyFile(path).read()
    with pytest.raises(KeyFileError, match=r"Is a directory|no regular file"):
        KeyFile(path.parent.parent).read()


def test_a_pipe_in_its_place_holds_nobody(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path, 0o600)

    with pytest.raises(KeyFileError, match="no regular file"):
        KeyFile(path).read()


def test_a_link_is_followed_and_stays(file: KeyFile, path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)

    kid = KeyFile(link).rotate().kid

    assert link.is_symlink()
    assert file.read().signing.kid == kid


async def test_without_a_file_there_are_no_public_keys_and_no_signing(path: Path) -> None:
    file = KeyFile(path)
    app = build(KEYS=file)

    assert await file.jwks() == {"keys": []}
    async with app.app_context():
        with pytest.raises(KeyFileError, match="no key file"):
            await ours.create_access_token("bob")
    await IN_A_THREAD(file.rotate)
    assert len((await file.jwks())["keys"]) == 1


async def test_a_token_outlives_the_rotation_of_its_key(file: KeyFile) -> None:
    app = build(KEYS=file)
    async with app.app_context():
        before = await ours.create_access_token("bob")
    # Another process: it shares nothing but the path.
    await IN_A_THREAD(KeyFile(file.path).rotate, "EdDSA")

    other = build(KEYS=KeyFile(file.path))
    async with other.app_context():
        after = await ours.create_access_token("bob")

    assert ours.get_unverified_jwt_headers(after)["alg"] == "EdDSA"
    # At once, though this one has just looked: the unknown name makes it look again.
    assert await ask(app, after) == 200
    assert [await ask(app, before), await ask(other, before)] == [200, 200]


async def test_a_rotation_without_overlap_ends_the_key_within_5_seconds(file: KeyFile) -> None:
    app = build(KEYS=file)
    async with app.app_context():
        before = await ours.create_access_token("bob")
    assert await ask(app, before) == 200

    await IN_A_THREAD(KeyFile(file.path).rotate, None, timedelta(0))

    deadline = time.monotonic() + 5
    while await ask(app, before) == 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert await ask(app, before) == 422


async def test_the_file_is_read_only_when_it_changed_and_looked_at_once_a_second(
    file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[object] = []
    reads: list[object] = []
    counted(monkeypatch, KeyFile, "_look", looks)
    counted(monkeypatch, module, "_read", reads)

    kid = (await file.signing_key()).kid
    for _ in range(100):
        assert await file.find(kid)
    assert (len(looks), len(reads)) == (1, 1)

    assert await file.find("unknown") is None
    assert (len(looks), len(reads)) == (2, 1)

    monkeypatch.setattr(module, "_LOOK_AGAIN", 0.0)
    assert await file.find(kid)
    assert (len(looks), len(reads)) == (3, 1)


async def test_many_may_ask_at_once_and_be_cancelled(file: KeyFile) -> None:
    asking = [asyncio.create_task(file.signing_key()) for _ in range(50)]
    await asyncio.sleep(0)
    for task in asking[::2]:
        task.cancel()

    answers = await asyncio.gather(*asking, return_exceptions=True)

    assert {type(a) for a in answers[1::2]} == {Key}
    assert await file.signing_key()
