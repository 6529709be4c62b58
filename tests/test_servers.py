"""A server that is not installed: its tests are skipped, or fail where it is required."""

from __future__ import annotations

import pytest

from tests.servers import Redis, missing


def test_a_missing_server_skips_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTAPP_TEST_REQUIRE", "redis,browser")

    with pytest.raises(pytest.skip.Exception, match="make services"):
        missing("mysql")


def test_a_missing_server_that_is_required_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTAPP_TEST_REQUIRE", "redis, mysql")

    with pytest.raises(pytest.fail.Exception, match="make services"):
        missing("mysql")


def test_a_redis_of_the_suite_goes_away_and_comes_back(redis_server: Redis) -> None:
    assert redis_server.answers()
    redis_server.stop()
    assert not redis_server.answers()
    redis_server.start()
    assert redis_server.answers()
