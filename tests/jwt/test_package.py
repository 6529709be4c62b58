"""The package stands on its own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import quartapp.jwt

ROOM = Path(quartapp.jwt.__file__).parent
FILES = sorted(ROOM.glob("*.py"))
ALLOWED = {"jwt", "cryptography", "quart", "werkzeug"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_imports_nothing_but_what_the_package_stands_on(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            top = name.partition(".")[0]
            own = name.startswith("quartapp.jwt")
            assert own or top in ALLOWED | sys.stdlib_module_names, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_importing_it_loads_no_other_room() -> None:
    program = (
        "import sys, quartapp.jwt; "
        "print([n for n in sys.modules if n.startswith('quartapp') or n == 'sqlalchemy'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    loaded = ast.literal_eval(result.stdout)
    assert "quartapp.jwt" in loaded
    assert [n for n in loaded if n != "quartapp" and not n.startswith("quartapp.jwt")] == []


def test_it_is_typed() -> None:
    assert (ROOM.parent / "py.typed").is_file()
