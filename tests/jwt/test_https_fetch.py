"""The default way to remote keys: HTTPS, and nothing that is too large, too slow or elsewhere."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.client import HTTPException
from pathlib import Path

import pytest

from quartapp.jwt.remote_keys import RemoteKeys, https_fetch
from tests.certificate import certify
from tests.jwt.support import build
from tests.jwt.test_keys import EC, signed_by
from tests.jwt.test_remote_keys import DOCUMENT, ask


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    return certify(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def server(
    certificate: tuple[Path, Path], pieces: list[bytes], pause: float = 0.0
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """An issuer over TLS that answers every request with these bytes; notes what it was asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    asked = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client hung up
        finally:
            writer.close()

    running = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    try:
        port = running.sockets[0].getsockname()[1]
        yield f"https://127.0.0.1:{port}/jwks.json?a=b", asked
    finally:
        running.close()
        await running.wait_closed()


def trusting(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificate[0])


def http(body: bytes, status: str = "200 OK", more: str = "") -> list[bytes]:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}Connection: close\r\n\r\n"
    return [head.encode(), body]


async def test_a_document_is_fetched_over_https(certificate: tuple[Path, Path]) -> None:
    async with server(certificate, http(json.dumps(DOCUMENT).encode())) as (url, asked):
        keys = RemoteKeys(url, https_fetch(url, context=trusting(certificate)))
        app = build(KEYS=keys)

        assert await ask(app, signed_by(EC)) == 200

    assert asked[0].startswith(b"GET /jwks.json?a=b HTTP/1.1\r\n")


async def test_a_certificate_of_nobody_is_not_trusted(certificate: tuple[Path, Path]) -> None:
    async with server(certificate, http(b"{}")) as (url, asked):
        with pytest.raises(ssl.SSLError):
            await https_fetch(url)(url)
    assert asked == []


@pytest.mark.parametrize(
    ("pieces", "pause"),
    [
        (http(b"{}", "302 Found", "Location: https://127.0.0.1:9/\r\n"), 0.0),
        (http(b"{}", "500 No"), 0.0),
        (http(b" " * (2**20 + 2)), 0.0),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *([b" "] * 20)], 0.1),
        ([b"HTTP/1.1 200 OK\r\n\r\n", *([b" " * 2**16] * 40)], 0.0),
        ([b"nonsense\r\n\r\n"], 0.0),
        ([b""], 0.0),
    ],
    ids=["redirect", "error", "large", "slow", "endless", "no HTTP", "nothing"],
)
async def test_an_answer_that_is_none_is_refused(
    certificate: tuple[Path, Path], pieces: list[bytes], pause: float
) -> None:
    async with server(certificate, pieces, pause) as (url, _):
        fetch = https_fetch(url, timeout=0.5, context=trusting(certificate))
        with pytest.raises((OSError, HTTPException)):
            await fetch(url)
