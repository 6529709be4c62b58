"""Limits that all processes share through Redis, and what becomes of them while it is away."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from quart import Quart

from quartapp.testing import new_user, temporary_app
from quartapp.web import windows
from quartapp.web.middleware import probes
from quartapp.web.redis_windows import InRedis
from tests.servers import Redis, find_redis, missing, redis
from tests.web.test_limits import LIMIT, by_api, fail

NOT_LONG = 5.0  # seconds for sixty sign-ins, which may wait half a second for Redis but once
LOGGER = "quartapp.limits"


@pytest_asyncio.fixture
async def shared(redis_url: str) -> AsyncIterator[Quart]:
    """An application that counts in Redis, with the accounts ann and bob."""
    async with temporary_app(login_rate_limit=LIMIT, redis_url=redis_url) as app:
        for name in ("ann", "bob"):
            await new_user(app, username=name)
        yield app


@pytest.fixture
def tls_redis() -> Iterator[Redis]:
    """A Redis that speaks TLS alone, by a certificate that signs itself."""
    binary = find_redis()
    if binary is None:
        missing("redis")
    with redis(binary, tls=True) as server:
        yield server


@pytest.fixture
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at whether it is ready is a new one, and what is away is asked again at once."""
    monkeypatch.setattr(probes, "PERIOD", 0.0)
    monkeypatch.setattr(windows, "PAUSE", 0.0)


async def readiness(app: Quart) -> tuple[int, Any]:
    answer = await app.test_client().get("/readyz")
    return answer.status_code, (await answer.get_json())["checks"]["redis"]


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == LOGGER]


async def test_nobody_reads_names_or_addresses_in_redis_and_every_key_ends_by_itself(
    shared: Quart, redis_server: Redis
) -> None:
    await fail(shared, "ann", 1, address="203.0.113.77")
    assert (await by_api(shared, "bob", "123456")).status_code == 200
    listed = await asyncio.to_thread(redis_server.ask, "KEYS *")
    keys = [line.decode() for line in listed.split(b"\r\n")[1:] if not line.startswith(b"$")][:-1]

    assert len(keys) == 4  # failures of ann and of her address, attempts of ann and of bob
    for key in keys:
        assert key.startswith("quartapp:")
        assert not any(word in key for word in ("ann", "bob", "203"))
        ttl = int((await asyncio.to_thread(redis_server.ask, f"TTL {key}"))[1:])
        assert 0 < ttl <= (60 if "running" in key else windows.WINDOW)


async def test_servers_with_the_same_key_and_redis_count_together(
    shared: Quart, redis_url: str
) -> None:
    async with temporary_app(login_rate_limit=LIMIT, redis_url=redis_url) as other:
        await new_user(other, username="ann")
        await fail(shared, "ann", LIMIT - 1)
        await fail(other, "ann", 1)
        for app in (shared, other):
            assert (await by_api(app, "ann", "123456")).status_code == 429
            assert (await by_api(app, "eve")).status_code == 401


@pytest.mark.usefixtures("no_rest")
async def test_sign_in_goes_on_while_redis_is_away_with_one_warning_and_one_when_it_is_back(
    shared: Quart, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await fail(shared, "ann")
    assert await readiness(shared) == (200, {"ok": True, "ms": pytest.approx(0, abs=2000)})
    await asyncio.to_thread(redis_server.stop)
    try:
        assert (await by_api(shared, "bob", "123456")).status_code == 200
        # The process counts by itself, from nothing on.
        await fail(shared, "ann")
        assert (await by_api(shared, "ann")).status_code == 429
        status, check = await readiness(shared)
        assert (status, check["ok"], check["needed"]) == (200, False, False)
        assert "does not answer" in check["reason"]
        (warning,) = told(caplog)
        assert "away" in warning
    finally:
        await asyncio.to_thread(redis_server.start)
    await fail(shared, "ann")
    assert (await by_api(shared, "ann")).status_code == 429
    assert (await readiness(shared))[1]["ok"] is True
    assert [text.split(":")[0] for text in told(caplog)] == ["Redis is away", "Redis is back"]


async def test_a_redis_that_hangs_is_waited_for_once_and_not_by_every_sign_in(
    shared: Quart, redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    await fail(shared, "ann", 1)
    with redis_server.silent():
        async with asyncio.timeout(NOT_LONG):
            at_once = (by_api(shared, f"name-{number}") for number in range(40))
            answers = await asyncio.gather(*at_once)
            assert {answer.status_code for answer in answers} <= {401, 429}
            for _ in range(20):
                assert (await by_api(shared, "bob", "123456", address="::2")).status_code == 200
    assert len(told(caplog)) == 1


async def test_failures_are_counted_over_tls_where_the_certificate_is_known(
    tls_redis: Redis,
) -> None:
    unknown = tls_redis.url.partition("?")[0]
    for url, known in ((tls_redis.url, True), (unknown, False)):
        async with temporary_app(login_rate_limit=LIMIT, redis_url=url) as app:
            await new_user(app, username="ann")
            await fail(app, "ann")
            assert (await by_api(app, "ann")).status_code == 429
            assert (await readiness(app))[1]["ok"] is known
        keys = await asyncio.to_thread(tls_redis.ask, "DBSIZE")
        assert (keys != b":0\r\n") is known
        await asyncio.to_thread(tls_redis.ask, "FLUSHALL")


async def test_certificates_are_read_once_and_not_by_each_of_many_connections(
    tls_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[ssl.SSLContext] = []
    really = ssl.create_default_context

    def context() -> ssl.SSLContext:
        read.append(really())
        return read[-1]

    monkeypatch.setattr(ssl, "create_default_context", context)
    shared = InRedis(tls_redis.url)
    begun = await asyncio.gather(*(shared.begin(f"k{number}", LIMIT) for number in range(16)))
    await shared.close()

    assert begun == [0.0] * 16
    assert len(read) == 1


async def test_a_redis_that_refuses_is_as_good_as_none_and_its_password_is_told_nobody(
    redis_server: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = redis_server.url.replace("//", "//nobody:geheim@")
    async with temporary_app(login_rate_limit=LIMIT, redis_url=url) as app:
        await fail(app, "ann")
        assert (await by_api(app, "ann")).status_code == 429
        status, check = await readiness(app)

    assert (status, check["ok"]) == (200, False)
    assert len(told(caplog)) == 1
    assert "geheim" not in caplog.text
    assert "geheim" not in str(check)
