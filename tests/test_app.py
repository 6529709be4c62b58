"""create_app, as other servers and scripts call it."""

from __future__ import annotations

from pathlib import Path

import pytest

from quartapp import create_app
from quartapp.settings import load_settings
from quartapp.testing import temporary_app
from quartapp.web.login import app_passwords


async def test_an_application_made_by_hand_brings_its_embedded_database_up_to_date(
    tmp_path: Path,
) -> None:
    app = create_app(load_settings(_env_file=None, instance_path=tmp_path))
    async with app.test_app():
        answer = await app.test_client().get("/lessons/houses-list/")
        assert await answer.get_json() == {"users": []}


async def test_another_database_is_left_as_it_is(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'own.db'}"
    app = create_app(load_settings(_env_file=None, instance_path=tmp_path, database_url=url))
    async with app.test_app():
        answer = await app.test_client().get("/lessons/houses-list/")
        assert answer.status_code == 503


def test_an_unknown_lesson_is_a_key_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        create_app(load_settings(_env_file=None, instance_path=tmp_path), lesson="none")


async def test_passwords_cost_what_the_settings_say_and_workers_share_the_cores() -> None:
    async with temporary_app(workers=1024, password_time_cost=1, password_memory_kib=2048) as app:
        passwords = app_passwords(app)
        assert (await passwords.hash("x")).startswith("$argon2id$v=19$m=2048,t=1,p=1$")
        assert passwords.load().threads == 1
