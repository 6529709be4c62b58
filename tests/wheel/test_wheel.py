"""The wheel, in an empty environment outside the checkout, serves the same pages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    run(sys.executable, *build, CHECKOUT, cwd=folder)
    return next(folder.glob("quartapp-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment with the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    pip = (folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps")
    run(*pip, "--require-hashes", "-r", CHECKOUT / "requirements.lock", cwd=folder)
    run(*pip, wheel, cwd=folder)
    return folder / "bin"


@pytest.fixture
def address(installed: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a server that runs from the wheel."""
    environment = {"PATH": os.environ["PATH"], "QUARTAPP_INSTANCE_PATH": str(tmp_path / "data")}
    server = subprocess.Popen(
        [installed / "quartapp", "serve", "--bind", "127.0.0.1:0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        found = None
        deadline = time.monotonic() + 30
        while found is None and time.monotonic() < deadline:
            found = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
        assert found, "the server did not say where it is"
        yield found[0]
    finally:
        server.terminate()
        assert server.wait(10) == 0
        if server.stdout is not None:
            server.stdout.close()


def read(url: str, data: bytes | None = None, headers: dict[str, str] | None = None) -> str:
    request = urllib.request.Request(url, data, headers or {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def test_templates_static_files_and_settings_travel_inside(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("templates/site/home.html", "static/quartapp.css", "hypercorn.toml", "py.typed"):
        assert f"quartapp/{name}" in names
    assert not [name for name in names if name.startswith(("tests", "templates", "static"))]


def test_the_wheel_serves_the_same_pages(address: str) -> None:
    assert "The request" in read(f"{address}/lessons/")
    assert "sayHello" in read(f"{address}/lessons/static-files/static/static.js")
    assert "--accent" in read(f"{address}/static/quartapp.css")
    page = read(
        f"{address}/lessons/houses-page/",
        b'{"size": 100}',
        {"Content-Type": "application/json"},
    )
    assert page.count("projectNo") == 25
    assert "登录" in read(f"{address}/login", headers={"Accept-Language": "zh-CN"})
    sign_in = read(f"{address}/login")
    (bootstrap,) = re.findall(r'href="(/static/vendor/[^"]+\.css[^"]*)"', sign_in)[:1]
    assert "Bootstrap" in read(f"{address}{bootstrap}")
    assert "swagger" in read(f"{address}/api/docs")
    assert '"openapi":"3.1' in read(f"{address}/api/openapi.json").replace(" ", "")


@pytest.mark.parametrize("command", [("--version",), ("lessons",), ("routes",), ("check",)])
def test_the_command_works_from_the_wheel(
    command: tuple[str, ...], installed: Path, tmp_path: Path
) -> None:
    if command == ("check",):
        run(installed / "quartapp", "db", "upgrade", cwd=tmp_path)
    assert run(installed / "quartapp", *command, cwd=tmp_path)
