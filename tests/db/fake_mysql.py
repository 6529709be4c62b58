"""As much of MySQL 8 as it takes to sign in with caching_sha2_password and without TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

SALT = b"abcdefghijklmnopqrst"
# protocol 4.1, transactions, secure connection, authentication plugins, a database at sign-in
CAPABILITIES = 0x200 | 0x2000 | 0x8000 | 0x80000 | 0x8
OK = b"\x00\x00\x00\x02\x00\x00\x00"
FULL_AUTHENTICATION = b"\x01\x04"
ASKS_FOR_THE_KEY = b"\x02"


@dataclass
class FakeMySQL:
    """A server that asks for the whole password and keeps what it was sent."""

    port: int = 0
    passwords: list[bytes] = field(default_factory=list)
    statements: list[bytes] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Sign one client in and say OK to whatever it asks then."""
        key = rsa.generate_private_key(65537, 2048)
        send(writer, 0, greeting())
        await receive(reader)
        send(writer, 2, FULL_AUTHENTICATION)
        assert await receive(reader) == ASKS_FOR_THE_KEY
        pem = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        send(writer, 4, b"\x01" + pem)
        oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303
        hidden = key.decrypt(await receive(reader), oaep)
        shown = bytes(c ^ SALT[n % len(SALT)] for n, c in enumerate(hidden))
        self.passwords.append(shown.removesuffix(b"\0"))
        send(writer, 6, OK)
        while statement := await receive(reader):
            self.statements.append(statement)
            send(writer, 1, OK)
        writer.close()


def greeting() -> bytes:
    """The first packet of a server."""
    return b"".join(
        (
            b"\x0a8.0.36\0" + (7).to_bytes(4, "little") + SALT[:8] + b"\0",
            (CAPABILITIES & 0xFFFF).to_bytes(2, "little") + b"\xff\x02\x00",
            (CAPABILITIES >> 16).to_bytes(2, "little") + bytes([len(SALT) + 1]) + bytes(10),
            SALT[8:] + b"\0" + b"caching_sha2_password\0",
        )
    )


def send(writer: asyncio.StreamWriter, number: int, payload: bytes) -> None:
    """Write one packet."""
    writer.write(len(payload).to_bytes(3, "little") + bytes([number]) + payload)


async def receive(reader: asyncio.StreamReader) -> bytes:
    """Read one packet; empty at the end."""
    try:
        head = await reader.readexactly(4)
    except asyncio.IncompleteReadError:
        return b""
    return await reader.readexactly(int.from_bytes(head[:3], "little"))


@asynccontextmanager
async def fake_mysql() -> AsyncIterator[FakeMySQL]:
    """Such a server on a free port."""
    fake = FakeMySQL()
    server = await asyncio.start_server(fake.talk, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        await server.wait_closed()
