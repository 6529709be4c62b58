"""Each fault in its short form: what must be true is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tests.serve.processes import TOP
from tests.soak.faults import NAMES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("name", NAMES)
def test_it_is_reached_in_the_short_form(name: str, tmp_path: Path) -> None:
    file = tmp_path / "soak.md"
    command = [sys.executable, "-m", "tests.soak", name, "--short", "--output", str(file)]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, check=False)
    assert file.exists(), done.stderr
    click.echo(done.stdout)
    (row,) = json.loads(file.with_suffix(".json").read_text())["rows"]
    assert (row["reached"], done.returncode) == (True, 0), f"{row['measured']}\n{done.stderr}"
