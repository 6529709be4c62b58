"""`--reload`: the newest source, and debug pages, which nobody else gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from quartapp.paths import HYPERCORN_TOML, TEMPLATES
from quartapp.serve.application import application
from quartapp.serve.reload import PACKAGE, source_files
from quartapp.settings import Settings, load_settings
from tests.serve.processes import eventually, started


def test_a_change_starts_the_worker_again_on_the_same_port(tmp_path: Path) -> None:
    source = tmp_path / "views.py"
    source.touch()
    with started(
        *("-m", "tests.serve.slow", str(tmp_path)),
        instance=tmp_path / "i",
        QUARTAPP_SHUTDOWN_TIMEOUT="5",
    ) as server:
        first = server.until_ready().get("/pid")
        source.write_text("# changed")
        server.until_printed(f"{source} changed: starting again")
        # Between the two workers a connection waits; it is not refused.
        assert eventually(lambda: server.get("/pid")) != first
        assert len(server.children()) == 1
        status, seconds = server.stop()
        assert (status, server.errors) == (0, "")
        assert seconds < 3.0  # there is nothing to wait for


def test_it_follows_the_package_the_templates_and_the_servers_settings() -> None:
    files = set(source_files())
    assert {PACKAGE / "app.py", PACKAGE / "web" / "lessons" / "hello.py", HYPERCORN_TOML} <= files
    assert any(path.is_relative_to(TEMPLATES) for path in files)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings that come from nowhere else."""
    return load_settings(_env_file=None, instance_path=tmp_path)


@pytest.mark.parametrize("debug", [True, False])
async def test_debug_pages_are_for_reload_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    monkeypatch.setenv("QUART_DEBUG", "1")  # is not heeded
    app = application(settings, lesson=None, debug=debug)

    @app.get("/broken")
    async def broken() -> str:
        raise RuntimeError("for developers")

    response = await app.test_client().get("/broken")
    assert response.status_code == 500
    assert ("for developers" in await response.get_data(as_text=True)) is debug


@pytest.mark.parametrize("debug", [True, False])
async def test_the_traceback_of_a_start_that_fails_is_for_reload_alone(
    settings: Settings, caplog: pytest.LogCaptureFixture, debug: bool
) -> None:
    app = application(settings, lesson=None, debug=debug)

    async def fail() -> None:
        raise RuntimeError("no paper")

    app.before_serving_funcs.insert(1, fail)
    app.logger.addHandler(caplog.handler)
    with pytest.raises(RuntimeError, match="no paper"):
        await app.startup()
    assert ("no paper" in caplog.text) is debug
    app.before_serving_funcs.remove(fail)
    async with app.test_app():
        app.logger.error("later", exc_info=RuntimeError("on the way"))
    assert "on the way" in caplog.text
    app.logger.removeHandler(caplog.handler)
