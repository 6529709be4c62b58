"""Who may import whom: the plan of docs/architecture.md, read off the sources."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "quartapp"

# What each room may import besides the standard library; `quartapp.x` is the room x.
COMMON = {"quartapp.core"}
FEATURES = {"accounts", "audit", "files", "houses", "idempotency"}
WEB = {f"quartapp.{room}" for room in FEATURES | {"db", "jwt", "telemetry", "web"}}
ALLOWED: dict[str, set[str]] = {
    "core": COMMON,
    "paths": set(),
    "settings": COMMON | {"pydantic", "pydantic_settings"},
    "jwt": {"jwt", "cryptography", "quart", "werkzeug", "quartapp.jwt"},
    "db": COMMON | {"sqlalchemy", "alembic", "aiomysql", "aiosqlite", "quartapp.db"},
    "audit": COMMON | {"sqlalchemy", "quartapp.db", "quartapp.audit"},
    "idempotency": COMMON | {"sqlalchemy", "quartapp.db", "quartapp.idempotency"},
    "accounts": COMMON
    | {"sqlalchemy", "nacl", "zxcvbn"}
    | {"quartapp.db", "quartapp.audit", "quartapp.accounts", "quartapp.jwt"},
    "houses": COMMON | {"sqlalchemy", "uuid6", "quartapp.db", "quartapp.audit", "quartapp.houses"},
    "files": COMMON
    | {"sqlalchemy", "uuid6", "PIL", "puremagic", "werkzeug"}
    | {"quartapp.db", "quartapp.audit", "quartapp.files"},
    "telemetry": {
        "structlog",
        "prometheus_client",
        "opentelemetry",
        "sqlalchemy",
        "quartapp.telemetry",
    },
    "web": COMMON
    | WEB
    | {
        "quart",
        "werkzeug",
        "markupsafe",
        "pygments",
        "quart_auth",
        "itsdangerous",
        "limits",
        "redis",
        "sqlalchemy",
        "hypercorn",
        "opentelemetry",
        "babel",
        "jinja2",
        "pydantic",
    }
    | {"quartapp.paths", "quartapp"},
}
FREE = {"__init__", "__main__", "app", "asgi", "cli", "serve", "testing"}


def rooms() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).parts[0].removesuffix(".py"), path


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def room_of(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "quartapp" else parts[0]


@pytest.mark.parametrize(
    ("room", "path"),
    [pytest.param(room, path, id=str(path.relative_to(PACKAGE))) for room, path in rooms()],
)
def test_a_room_imports_what_the_plan_allows(room: str, path: Path) -> None:
    assert room in ALLOWED or room in FREE, f"the plan has no room {room}"
    if room in FREE:
        return
    found = {room_of(module) for module in imported(path)}
    foreign = {name for name in found if name not in sys.stdlib_module_names | {"__future__"}}
    assert foreign <= ALLOWED[room]


def test_nobody_but_the_entrances_imports_the_application() -> None:
    entrances = {"asgi.py", "testing.py", "__init__.py"}
    importers = {
        str(path.relative_to(PACKAGE))
        for room, path in rooms()
        if room not in {"cli", "serve"} and "quartapp.app" in set(imported(path))
    }
    assert importers <= entrances


def test_a_blueprint_never_imports_another() -> None:
    lessons = PACKAGE / "web" / "lessons"
    names = {
        path.stem
        for path in lessons.glob("*.py")
        if "bp = " in path.read_text(encoding="utf-8") and path.stem != "pages"
    }
    assert len(names) == 20
    for name in names:
        for module in imported(lessons / f"{name}.py"):
            assert module.rpartition(".")[2] not in names - {"jwt"} or "lessons" not in module


def test_nothing_is_imported_that_only_one_supported_quart_has() -> None:
    """0.23, which Python 3.12 and later get, has one context where 0.22 has three."""
    differ = {"quart.globals", "quart.ctx"}
    assert [str(path) for _, path in rooms() if differ & set(imported(path))] == []
