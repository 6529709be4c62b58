"""quartapp.testing, as the suite of another project uses it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

CONFTEST = 'pytest_plugins = ["quartapp.testing"]'

SUITE = """
import pytest
from quartapp.testing import api_client_for, new_user, sign_in, temporary_app

pytestmark = pytest.mark.asyncio

async def test_a_user_is_signed_in(browser):
    assert (await browser.get("/account")).status_code == 200

async def test_a_token_opens_the_api(api_client, user):
    answer = await api_client.get("/api/v1/me")
    assert (await answer.get_json())["username"] == user.username

async def test_several_users_are_told_apart(app, make_user):
    for name in ("one", "two"):
        someone = await make_user(username=name, password="secret")
        browser, client = await sign_in(app, someone), await api_client_for(app, someone)
        assert name in await (await browser.get("/account")).get_data(True)
        assert (await (await client.get("/api/v1/me")).get_json())["username"] == name

async def test_each_test_has_rows_of_its_own(app):
    assert (await new_user(app, username="admin")).id == 1

async def test_an_admin_keeps_the_accounts(app, make_user):
    for admin, status in ((False, 403), (True, 200)):
        browser = await sign_in(app, await make_user(admin=admin))
        assert (await browser.get("/people")).status_code == status

async def test_a_lesson_alone_has_a_form_of_its_own():
    async with temporary_app(lesson="login-db") as app:
        browser = await sign_in(app, await new_user(app))
        assert (await browser.get("/dashboard")).status_code == 200

async def test_a_lesson_alone_has_tokens_of_its_own():
    async with temporary_app(lesson="jwt") as app:
        client = await api_client_for(app, await new_user(app))
        assert (await client.get("/dashboard")).status_code == 200

async def test_one_lesson_alone():
    async with temporary_app(lesson="hello") as app:
        assert await (await app.test_client().get("/flask")).get_data() == b"Hello Flask"
"""


async def run_suite(folder: Path, *settings: str) -> tuple[int | None, str]:
    """Run the suite in a process of its own; gives its status and what it printed."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_theirs.py").write_text(SUITE)
    (folder / "pytest.ini").write_text("\n".join(["[pytest]", "filterwarnings = error", *settings]))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_theirs.py"),
        cwd=folder,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


@pytest.mark.parametrize(
    ("mode", "scope"),
    [("auto", "function"), pytest.param("strict", "session", marks=pytest.mark.slow)],
)
async def test_a_suite_of_ten_lines_passes_with_its_own_settings(
    tmp_path: Path, mode: str, scope: str
) -> None:
    status, output = await run_suite(
        tmp_path,
        f"asyncio_mode = {mode}",
        f"asyncio_default_fixture_loop_scope = {scope}",
        f"asyncio_default_test_loop_scope = {scope}",
    )

    assert status == 0, output
    assert "8 passed" in output
    assert not list(tmp_path.glob("quartapp-*")), "files are left behind"
