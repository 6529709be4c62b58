"""`quartapp lessons`, `routes` and `check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from quartapp.db.database import Database
from quartapp.web.lessons import LESSONS
from tests.cli.conftest import ON_SQLITE, SECRETS, Run
from tests.db.helpers import run as sql

DEPLOYED = {"env": "production", "trusted_proxies": "127.0.0.1"} | {
    name.removeprefix("QUARTAPP_").lower(): value for name, value in SECRETS.items()
}


@ON_SQLITE
async def test_every_lesson_is_listed_with_its_summary(run: Run) -> None:
    lines = (await run("lessons")).stdout.splitlines()

    assert [line.split()[0] for line in lines] == list(LESSONS)
    for line, lesson in zip(lines, LESSONS.values(), strict=True):
        assert lesson.title in line
        assert lesson.summary in line


@ON_SQLITE
async def test_routes_are_listed_with_their_methods(run: Run) -> None:
    lines = (await run("routes")).stdout.splitlines()

    assert ["/lessons/hello/flask", "GET,HEAD,OPTIONS"] in [line.split()[:2] for line in lines]


async def test_a_check_of_a_database_in_order_says_so(migrated: Run) -> None:
    result = await migrated("check")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "ok    settings\nok    database\nok    migrations\n"


async def test_a_check_names_a_database_that_is_not_migrated(run: Run) -> None:
    result = await run("check")

    assert result.exit_code == 1
    assert "quartapp db upgrade" in result.stderr


async def test_a_check_names_a_database_that_is_away(run: Run) -> None:
    result = await run("check", database_url="mysql+aiomysql://root@127.0.0.1:1/x")

    assert result.exit_code == 1
    assert "WRONG database: " in result.stderr
    assert "migrations" not in result.output


async def test_a_check_of_bad_settings_ends_with_2(run: Run) -> None:
    assert (await run("check", env="production")).exit_code == 2


async def test_a_check_for_deployment_names_what_development_has(
    migrated: Run, empty_database: Database
) -> None:
    await sql(empty_database, "INSERT INTO t_admin (username, userpwd) VALUES ('admin', '123456')")

    result = await migrated("check", "--deploy", secret_key="same" * 9, jwt_secret_key="same" * 9)

    assert result.exit_code == 1
    for what in (
        "WRONG environment",
        "WRONG QUARTAPP_SECRET_KEY: repeats",
        "WRONG the two secrets",
        "WRONG lessons",
        "WRONG accounts: anybody can sign in as admin / 123456",
        "WRONG passwords: 1 stand",
        "WRONG admins: nobody is one",
    ):
        assert what in result.stderr
    assert (await migrated("users", "list")).stdout.endswith("plaintext\n")


async def test_the_tutorials_account_is_found_when_its_password_is_hashed(migrated: Run) -> None:
    await migrated("users", "create", "admin", "--password-stdin", stdin="123456")

    result = await migrated("check", "--deploy", **DEPLOYED)

    assert "anybody can sign in as admin / 123456" in result.stderr
    assert "WRONG passwords" not in result.stderr


@ON_SQLITE
async def test_a_check_for_deployment_passes_where_all_is_well(migrated: Run) -> None:
    await migrated("users", "create", "admin", "--password-stdin", stdin="long enough")

    result = await migrated("check", "--deploy", **DEPLOYED)

    assert (result.exit_code, result.stderr) == (0, "")
    assert "note  database address: SQLite" in result.stdout


@ON_SQLITE
@pytest.mark.parametrize(
    ("user", "why"),
    [
        ("root", "names no password"),
        ("root:123456", "has the password of the tutorial"),
        ("root:geheim", "root may do everything"),
    ],
)
async def test_a_poor_address_of_the_database_is_named(run: Run, user: str, why: str) -> None:
    url = f"mysql+aiomysql://{user}@127.0.0.1:1/x"

    result = await run("check", "--deploy", database_url=url, **DEPLOYED)

    assert f"WRONG database address: {why}" in result.stderr
    assert "geheim" not in result.output


@ON_SQLITE
@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"login_rate_limit": "0"}, "limit of failed sign-ins: anybody may guess"),
        ({"workers": "2"}, "redis: each process counts"),
        ({"redis_url": "redis://10.0.0.1/0"}, "redis: others reach it"),
        ({"trusted_proxies": ""}, "trusted proxies: no proxy is named"),
        ({"trusted_proxies": "10.0.0.1,::/0"}, "trusted proxies: the word of anybody"),
        ({"metrics_allow": "0.0.0.0/0"}, "metrics: anybody may read"),
        ({"password_time_cost": "1"}, "cost of a password: 19456 KiB and 1 passes"),
        ({"password_memory_kib": "10000"}, "cost of a password: 10000 KiB and 2 passes"),
        ({"lessons": "on"}, "lessons: some let anyone write"),
    ],
    ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "-".join(value),
)
async def test_each_setting_that_is_unsafe_is_named_alone(
    run: Run, settings: dict[str, str], what: str
) -> None:
    result = await run("check", "--deploy", **DEPLOYED | settings)

    assert result.exit_code == 1
    found = [line for line in result.stderr.splitlines() if line.startswith("WRONG")]
    assert [line for line in found if "WRONG database" not in line] == [
        line for line in found if line.startswith(f"WRONG {what}")
    ]
    assert len(found) == 2  # that one, and the database that is not there


@ON_SQLITE
async def test_files_that_others_can_read_are_named(
    migrated: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = tmp_path / "instance"
    instance.mkdir(exist_ok=True)
    for path in (instance / "secret_key", instance / "jwt_keys.json", tmp_path / ".env"):
        path.write_text("")
        path.chmod(0o644)
    for path in (instance, tmp_path):
        path.chmod(0o755)
    monkeypatch.setenv("QUART_DEBUG", "1")

    said = (await migrated("check", "--deploy", **DEPLOYED)).stderr

    for what in (
        "debug: unset QUART_DEBUG",
        f"instance path: other accounts get into {instance}: chmod 700",
        "secrets: other accounts can read .env",
        f"secrets: other accounts can read {instance / 'secret_key'}",
        "keys of the API's tokens: ",
        f"database file: other accounts can read {tmp_path / 'empty.db'}",
    ):
        assert f"WRONG {what}" in said


async def test_an_account_whose_password_is_its_name_is_named(migrated: Run) -> None:
    await migrated("users", "create", "elizabeth", "--password-stdin", stdin="elizabeth")

    result = await migrated("check", "--deploy", **DEPLOYED)

    assert "anybody can sign in as elizabeth / elizabeth" in result.stderr


@ON_SQLITE
async def test_the_help_names_every_command(run: Run) -> None:
    text = (await run("--help")).stdout

    for name in ("serve", "db", "users", "houses", "lessons", "routes", "check"):
        assert f"\n  {name} " in text
