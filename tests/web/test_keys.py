"""The public keys at their well-known address."""

from __future__ import annotations

import asyncio
import json

import pytest
from quart import Quart

from quartapp.jwt import KeyFile, RemoteKeys
from quartapp.testing import temporary_app
from quartapp.web.keys import app_keys

ADDRESS = "/.well-known/jwks.json"


async def test_the_first_key_is_made_when_the_application_starts(app: Quart) -> None:
    response = await app.test_client().get(ADDRESS)

    assert response.status_code == 200
    [key] = (await response.get_json())["keys"]
    assert key["alg"] == "ES256"
    assert app_keys(app).path.stat().st_mode & 0o777 == 0o600
    assert response.headers["Content-Type"] == "application/jwk-set+json"
    assert response.headers["Cache-Control"] == "public, max-age=300"


async def test_public_keys_are_served_and_what_is_known_is_not_sent_again() -> None:
    async with temporary_app() as app:
        client, file = app.test_client(), app_keys(app)
        for algorithm in ("HS256", "RS256", "EdDSA", "ES256"):
            await asyncio.to_thread(KeyFile(file.path).rotate, algorithm)

        response = await client.get(ADDRESS)
        listed = (await response.get_json())["keys"]
        assert [key["alg"] for key in listed] == ["ES256", "EdDSA", "RS256", "ES256"]
        assert not {"d", "k", "p", "q"} & {name for key in listed for name in key}

        etag = response.headers["ETag"]
        again = await client.get(ADDRESS, headers={"If-None-Match": etag})
        assert (again.status_code, await again.get_data()) == (304, b"")
        assert again.headers["ETag"] == etag

        await asyncio.to_thread(file.rotate)
        await file.ring(fresh=True)
        changed = await client.get(ADDRESS, headers={"If-None-Match": etag})
        assert changed.status_code == 200
        head = await client.head(ADDRESS)
        assert (head.status_code, head.headers["ETag"]) == (200, changed.headers["ETag"])


async def test_another_application_verifies_with_them() -> None:
    async with temporary_app() as app:
        file = app_keys(app)
        key = await asyncio.to_thread(file.rotate)

        async def fetch(url: str) -> bytes:
            response = await app.test_client().get(url)
            return bytes(await response.get_data(as_text=False))

        found = await RemoteKeys(ADDRESS, fetch).find(key.kid)
        assert found is not None
        assert found.algorithm == key.algorithm
        token = key.signer.sign(b"{}", {}, json.JSONEncoder)
        assert found.verifier.verify(token.encode())[1] == b"{}"


@pytest.mark.parametrize("mode", [0o644, 0o600])
async def test_a_file_that_cannot_be_used_is_the_server_s_fault(mode: int) -> None:
    async with temporary_app() as app:
        path = app_keys(app).path
        await asyncio.to_thread(path.write_text, "{" if mode == 0o600 else '{"keys": []}')
        await asyncio.to_thread(path.chmod, mode)

        assert (await app.test_client().get(ADDRESS)).status_code == 500


async def test_a_lesson_alone_has_no_such_address() -> None:
    async with temporary_app(lesson="jwt") as app:
        assert (await app.test_client().get(ADDRESS)).status_code == 404
