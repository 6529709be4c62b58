"""deploy/: what cannot be started here is at least in order, as far as it can be read."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from quartapp.serve.stop import LAST_MOMENT
from quartapp.serve.supervisor import MARGIN
from quartapp.settings import PREFIX, Settings, load_settings

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "deploy"
TEXTS = {
    path: path.read_text()
    for path in sorted(DEPLOY.rglob("*"))
    if path.is_file() and path.suffix != ".json"
}
DOCKERFILE = TEXTS[DEPLOY / "Dockerfile"]
UNIT = TEXTS[DEPLOY / "systemd" / "quartapp.service"]
HOW_TO = (TOP / "docs" / "how-to" / "deploy.md").read_text()

# Seconds that a server in production may take to its end.
LONGEST_STOP = load_settings(
    env="production",
    secret_key="k1-0123456789abcdefghijklmnopqrstuvwxyz",
    jwt_secret_key="k2-0123456789abcdefghijklmnopqrstuvwxyz",
).shutdown_timeout + (LAST_MOMENT + 2 * MARGIN)


def instructions() -> list[list[str]]:
    """The Dockerfile's, each as its name and its argument."""
    joined = re.sub(r"\\\n", "", DOCKERFILE)
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [line.split(maxsplit=1) for line in lines]


def last_stage() -> dict[str, str]:
    """Of the image itself: the last argument of each instruction."""
    all_ = instructions()
    start = max(n for n, (name, _) in enumerate(all_) if name == "FROM")
    return {name: argument for name, argument in all_[start:]}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The services of compose.yaml."""
    read: dict[str, Any] = yaml.safe_load(TEXTS[DEPLOY / "compose.yaml"])
    return read


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_setting_named_exists_and_every_file_is_explained(path: Path) -> None:
    named = set(re.findall(rf"\b{PREFIX}([A-Z_]+)", TEXTS[path]))
    assert {name.lower() for name in named} <= set(Settings.model_fields)
    assert path.name in HOW_TO


def test_what_the_image_copies_is_there_and_let_in() -> None:
    ignored = TEXTS[DEPLOY / "Dockerfile.dockerignore"].splitlines()
    assert "*" in ignored
    copied = [
        source
        for name, argument in instructions()
        if name == "COPY" and "--from" not in argument
        for source in argument.split()[:-1]
    ]
    assert "requirements.lock" in copied
    for source in copied:
        assert (TOP / source).exists()
        assert f"!{source}" in ignored
    built = [line for line in ignored if line.startswith("!")]
    assert {line.removeprefix("!") for line in built} == set(copied)


def test_the_image_runs_as_nobody_of_importance_and_carries_no_secret() -> None:
    image = last_stage()

    assert image["USER"].split(":")[0] not in {"0", "root"}
    assert image["STOPSIGNAL"] == "SIGTERM"
    for name in ("ENTRYPOINT", "CMD"):
        assert all(isinstance(word, str) for word in json.loads(image[name]))
    assert "SECRET" not in DOCKERFILE
    assert not any(name == "ARG" and "PYTHON" not in argument for name, argument in instructions())
    assert image["VOLUME"] in image["ENV"].partition(f"{PREFIX}INSTANCE_PATH=")[2]
    for name, argument in instructions():
        if name == "RUN" and "pip" in argument and "install" in argument and "whl" not in argument:
            assert "--require-hashes" in argument


def health_checks() -> list[tuple[list[str], str]]:
    check = last_stage()["HEALTHCHECK"].partition("CMD ")[2]
    app = yaml.safe_load(TEXTS[DEPLOY / "compose.yaml"])["services"]["app"]
    return [(json.loads(check), "/livez"), (app["healthcheck"]["test"][1:], "/readyz")]


@pytest.mark.parametrize(("command", "path"), health_checks(), ids=["image", "compose"])
def test_a_health_check_is_a_program_that_asks_for_a_probe(command: list[str], path: str) -> None:
    assert command[0] == "python"
    assert f"http://127.0.0.1:8000{path}'" in command[-1]
    # Nobody listens there: it fails because of that, and of nothing else.
    away = [word.replace(":8000", ":1") for word in command[1:]]
    result = subprocess.run([sys.executable, *away], capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "Connection refused" in result.stderr


def test_in_compose_only_the_proxy_is_published(compose: dict[str, Any]) -> None:
    services = compose["services"]

    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_healthy" if other != "migrate" else "service_completed_successfully"
            assert how == {"condition": wanted}
            assert wanted != "service_healthy" or "healthcheck" in services[other]
        assert service.get("restart") == ("always" if name != "migrate" else None)
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (DEPLOY / source).exists()
            elif not source.startswith("$"):
                assert source in compose["volumes"]


def test_compose_takes_every_secret_from_the_env_file_and_none_by_default(
    compose: dict[str, Any],
) -> None:
    text = TEXTS[DEPLOY / "compose.yaml"]
    required = set(re.findall(r"(?<!\$)\$\{(\w+):\?", text))
    example = dict(
        line.split("=", 1)
        for line in TEXTS[DEPLOY / "example.env"].splitlines()
        if re.match(r"\w+=", line)
    )

    assert required == {name for name, value in example.items() if not value}
    assert not re.findall(r"(?<!\$)\$\{\w*(?:PASSWORD|KEY)\w*(?::-|\})", text)
    values = {
        name.removeprefix(PREFIX).lower(): v for name, v in compose["x-app"]["environment"].items()
    }
    strong = "0123456789abcdef"
    filled = {
        n: re.sub(r"\$\{(\w+):\?[^}]*\}", lambda m: m[1] + strong * 2, v) for n, v in values.items()
    }
    settings = load_settings(env="production", **filled)
    assert settings.redis_url.get_secret_value()
    proxy = compose["services"]["proxy"]["networks"]["default"]["ipv4_address"]
    assert [str(network) for network in settings.trusted_proxies] == [f"{proxy}/32"]


def test_whoever_stops_the_server_waits_longer_than_it_takes(compose: dict[str, Any]) -> None:
    stop = re.search(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    assert stop is not None
    assert float(stop[1]) > LONGEST_STOP
    assert float(compose["services"]["app"]["stop_grace_period"].removesuffix("s")) > LONGEST_STOP


def test_the_unit_is_one_that_systemd_understands(tmp_path: Path) -> None:
    for line in ("Restart=always", "NoNewPrivileges=yes", "ProtectSystem=strict"):
        assert f"\n{line}\n" in UNIT
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    unit = tmp_path / "quartapp.service"
    unit.write_text(UNIT.replace("/opt/quartapp/bin/quartapp", sys.executable))
    checked = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    about = [line for line in checked.stderr.splitlines() if "quartapp.service" in line]
    assert (checked.returncode, about) == (0, [])
