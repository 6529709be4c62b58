"""Settings: all bad values named at once, secrets made once, production without the weak ones."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from quartapp.settings import (
    WELL_KNOWN,
    Settings,
    SettingsError,
    is_production,
    load_settings,
    weakness,
)

STRONG = "0123456789abcdefghijklmnopqrstuvwxyz"
OTHER = STRONG[::-1]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def problems(**given: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(**given)
    assert all(line in str(caught.value) for line in caught.value.problems)
    return caught.value.problems


def production(**given: Any) -> dict[str, Any]:
    return {"env": "production", "secret_key": STRONG, "jwt_secret_key": OTHER} | given


def test_the_default_is_development_on_the_embedded_database(tmp_path: Path) -> None:
    settings = load_settings()

    assert (settings.env, settings.production, settings.embedded) == ("development", False, True)
    assert settings.database == f"sqlite+aiosqlite:///{tmp_path / 'instance' / 'quartapp.db'}"
    assert settings.upload_folder == tmp_path / "instance" / "upload"
    assert settings.jwt_keys_file == tmp_path / "instance" / "jwt_keys.json"
    assert settings.lessons
    assert settings.shutdown_timeout == 1


def test_production_keeps_the_lessons_out_unless_told_otherwise() -> None:
    assert not load_settings(**production()).lessons
    assert load_settings(**production(lessons="on")).lessons


def test_the_environment_wins_over_the_file_and_what_is_given_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(
        "QUARTAPP_MAX_UPLOAD_BYTES=1\nQUARTAPP_LESSONS=off\nQUARTAPP_SHUTDOWN_TIMEOUT=3\nOTHER=x\n"
    )
    monkeypatch.setenv("QUARTAPP_MAX_UPLOAD_BYTES", "2")
    monkeypatch.setenv("QUARTAPP_SHUTDOWN_TIMEOUT", "4")

    settings = load_settings(shutdown_timeout=5)

    assert (settings.lessons, settings.max_upload_bytes, settings.shutdown_timeout) == (False, 2, 5)


def test_an_empty_value_is_none_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTAPP_ENV", "")
    monkeypatch.setenv("QUARTAPP_MAX_UPLOAD_BYTES", "")

    assert load_settings().env == "development"


def test_every_bad_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = {
        "ENV": "staging",
        "DATABASE_URL": "postgresql://geheim@x/y",
        "MAX_UPLOAD_BYTES": "many",
        "LESSONS": "perhaps",
        "LOG_LEVEL": "loud",
        "SHUTDOWN_TIMEOUT": "-1",
    }
    for name, value in bad.items():
        monkeypatch.setenv(f"QUARTAPP_{name}", value)

    found = problems()

    assert sorted(line.split(":")[0] for line in found) == sorted(f"QUARTAPP_{n}" for n in bad)
    assert "geheim" not in "".join(found)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///x.db",
        "mysql://root@localhost/house",
        "mysql+aiomysql://root@localhost",
        "mysql+aiomysql:///house",
        "mysql+aiomysql://root@localhost:0/house",
        "mysql+aiomysql://root@localhost:70000/house",
        "mysql+aiomysql://root@localhost:x/house",
        "house.db",
    ],
)
def test_an_address_that_is_no_database_of_ours_is_named(url: str) -> None:
    (line,) = problems(database_url=url)

    assert line.startswith("QUARTAPP_DATABASE_URL: ")


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"QUARTAPP_ENV=\xff\n")

    assert problems() == [".env: is not UTF-8"]


def test_an_instance_path_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    (line,) = problems(instance_path=tmp_path / "file")

    assert str(tmp_path / "file") in line


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_value_that_is_no_text_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environb, f"QUARTAPP_{name}".upper().encode(), b"mysql+aiomysql://\x9c")

    assert problems()[-1] == f"QUARTAPP_{name.upper()}: is not UTF-8"


@pytest.mark.parametrize("listed", ["10.0.0.1/8", "localhost", "1.2.3.4,", "nobody, ::1"])
def test_who_may_see_the_metrics_is_a_list_of_networks(listed: str) -> None:
    (line,) = problems(metrics_allow=listed)

    assert line.startswith("QUARTAPP_METRICS_ALLOW: must list addresses and networks")


def test_nobody_may_be_let_see_the_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTAPP_METRICS_ALLOW", "nobody")

    assert load_settings().metrics_allow == ()


def test_every_proxy_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTAPP_TRUSTED_PROXIES", "10.0.0.1/8, unix, ::1, proxy.local,")

    (line,) = problems()

    assert line.startswith("QUARTAPP_TRUSTED_PROXIES: ")
    assert line.endswith("none is '10.0.0.1/8', 'proxy.local', ''")


def test_proxies_are_networks_and_whoever_comes_by_a_socket() -> None:
    listed = load_settings(trusted_proxies="10.0.0.0/8, unix, ::1").trusted_proxies

    assert listed == (ip_network("10.0.0.0/8"), ip_network("::1"), "unix")
    assert load_settings(trusted_proxies="unix").trusted_proxies == ("unix",)
    assert load_settings().trusted_proxies == ()


@pytest.mark.parametrize(
    "url",
    [
        "http://:geheim@host",
        "host:6379",
        "redis://:geheim@",
        "redis://:geheim@host:x/0",
        "redis://:geheim@host:0/0",
        "redis://:geheim@host:70000/0",
        "redis://:geheim@host/name",
        "redis://:geheim@host/0/1",
        "redis://:geheim@host?db=geheim",
        "redis://:geheim@host?geheim=1",
        "redis://:ge/geheim@host/0",
        "redis://:ge?geheim@host/0",
        "redis://:geheim@[host/0",
        "rediss://:geheim\u2100@host/0",
        "unix://",
        "unix:///run/redis.sock?db=geheim",
    ],
)
def test_an_address_that_is_no_redis_is_named_without_its_password(url: str) -> None:
    (line,) = problems(redis_url=url)

    assert line.startswith("QUARTAPP_REDIS_URL: ")
    assert "geheim" not in line


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://user:geheim@[::1]:6379/3",
        "rediss://:geheim@host/?ssl_ca_certs=/etc/ssl/redis.pem",
        "unix://:geheim@/run/redis.sock?db=3",
    ],
)
def test_an_address_of_a_redis_is_taken_and_not_shown(url: str) -> None:
    settings = load_settings(redis_url=url)

    assert settings.redis_url.get_secret_value() == url
    assert "geheim" not in repr(settings)


def test_traces_are_on_or_off() -> None:
    assert not load_settings().traces
    assert load_settings(traces="on").traces
    assert problems(traces="otlp") == ["QUARTAPP_TRACES: must be on or off"]


def test_production_needs_both_secrets() -> None:
    assert problems(env="production") == [
        "QUARTAPP_SECRET_KEY: must be set in production",
        "QUARTAPP_JWT_SECRET_KEY: must be set in production",
    ]


def test_production_is_known_where_nothing_else_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTAPP_LOG_LEVEL", "loud")
    assert not is_production()
    (tmp_path / ".env").write_text("QUARTAPP_ENV=production")
    assert is_production()
    monkeypatch.setenv("QUARTAPP_ENV", "development")
    assert not is_production()
    monkeypatch.setenv("QUARTAPP_ENV", "production")
    (tmp_path / ".env").write_bytes(b"\xff")
    assert is_production()


@pytest.mark.parametrize(
    "secret",
    [
        *("abc123", "abcde", "abcd12345678", "abcde1234", "ABC123", "dev", "secret", "changeme"),
        "short but not well known",
        "x" * 64,
        "ab" * 32,
        *WELL_KNOWN,
    ],
)
def test_production_refuses_weak_and_well_known_secrets(secret: str) -> None:
    (line,) = problems(**production(jwt_secret_key=secret))

    assert line.startswith("QUARTAPP_JWT_SECRET_KEY: ")
    assert f"{secret!r}" not in line
    assert load_settings(jwt_secret_key=secret).jwt_secret_key.get_secret_value() == secret


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    settings = load_settings(**production())

    assert STRONG not in repr(settings)
    assert OTHER not in str(settings)


def test_secrets_are_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    first, second = load_settings(), load_settings()

    assert first.secret_key == second.secret_key
    assert first.secret_key != first.jwt_secret_key
    assert not weakness(first.secret_key.get_secret_value())
    for name in ("secret_key", "jwt_secret_key"):
        assert stat.S_IMODE((tmp_path / "instance" / name).stat().st_mode) == 0o600


def test_no_secret_is_made_in_production(tmp_path: Path) -> None:
    problems(env="production")
    load_settings(**production())

    assert not (tmp_path / "instance").exists()


async def test_many_processes_that_start_at_once_agree_on_the_secrets(tmp_path: Path) -> None:
    code = (
        "from quartapp.settings import load_settings\n"
        "s = load_settings()\n"
        "print(s.secret_key.get_secret_value(), s.jwt_secret_key.get_secret_value())"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(6)
    ]

    printed = {(await process.communicate())[0] for process in processes}

    assert len(printed) == 1
    assert {path.name for path in (tmp_path / "instance").iterdir()} == {
        "secret_key",
        "jwt_secret_key",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("workers", 0),
        ("max_in_flight", 0),
        ("max_connections", 2063),  # requests in flight, and as many more as are needed
        ("login_max_wait", 0),
        ("login_rate_limit", -1),
        ("login_rate_limit", 1001),
        ("password_time_cost", 0),
        ("password_time_cost", 100),  # its hash would not fit the column
        ("password_memory_kib", 1023),
        ("password_memory_kib", 1_000_000),
    ],
)
def test_the_cost_of_a_password_and_who_shares_it_have_limits(name: str, value: int) -> None:
    assert problems(**{name: value})[0].startswith(f"QUARTAPP_{name.upper()}: ")
