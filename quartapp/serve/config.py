"""hypercorn.toml, read with care: hypercorn itself takes a misspelt key in silence."""

from __future__ import annotations

import difflib
import time
import tomllib
from pathlib import Path
from types import FunctionType
from typing import Any

from hypercorn.config import Config

from quartapp.paths import HYPERCORN_TOML
from quartapp.serve.errors import REFUSED, ServeError

# Keys of hypercorn that would have no effect here, or a bad one, and what to do instead.
NOT_HERE = {
    "application_path": "the application is quartapp's own",
    "daemon": "systemd or a container keeps a server in the background",
    "debug": "debug pages come with --reload alone",
    "graceful_timeout": "set QUARTAPP_SHUTDOWN_TIMEOUT",
    "pid_path": "the process that was started is the one to signal",
    "quic_bind": "HTTP/3 is left to a proxy",
    "use_reloader": "use --reload",
    "worker_class": "the event loop is uvloop's, or asyncio's where there is none",
}

SAMPLES = {"max_requests": 1}  # of keys that are used here, and whose default is None


class ServerConfig(Config):
    """hypercorn's, whose own headers, Date among them, are made once a second."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, tuple[int, list[tuple[bytes, bytes]]]] = {}

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        """What each answer by this protocol carries besides its own headers."""
        second = int(time.time())
        made = self._made.get(protocol)
        if made is None or made[0] != second:
            made = self._made[protocol] = (second, super().response_headers(protocol))
        return made[1]


def read_config(path: Path = HYPERCORN_TOML) -> Config:
    """The server's configuration. Raises ServeError that names every key that cannot be used."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ServeError(f"{path}: {error.strerror}", status=REFUSED) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ServeError(f"{path}: {error}", status=REFUSED) from None
    problems = [problem for key, value in values.items() if (problem := _problem(key, value))]
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise ServeError(f"{path} cannot be used:\n{lines}", status=REFUSED)
    return ServerConfig.from_mapping(values)


def known_keys() -> set[str]:
    """Every key that hypercorn's Config has."""
    settable = {name for name, value in vars(Config).items() if _is_setting(value)}
    return {name for name in settable | set(Config.__annotations__) if not name.startswith("_")}


def _is_setting(value: object) -> bool:
    if isinstance(value, property):
        return value.fset is not None
    return not isinstance(value, (FunctionType, classmethod))


def _problem(key: str, value: Any) -> str:
    known = known_keys()
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1)
        return f"{key}: hypercorn knows no such key" + (f"; {near[0]}?" if near else "")
    if key in NOT_HERE:
        return f"{key}: has no place here: {NOT_HERE[key]}"
    if not _fits(SAMPLES.get(key, getattr(Config(), key, None)), value):
        return f"{key}: {value!r} is of the wrong type"
    return ""


def _fits(default: object, value: object) -> bool:
    """Whether a value is of the kind that the default is of; a default of None tells nothing."""
    if default is None:
        return True
    if isinstance(default, bool):
        return isinstance(value, bool)
    if isinstance(default, (int, float)):
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    if isinstance(default, list):
        return isinstance(value, str) or (
            isinstance(value, list) and all(isinstance(item, str) for item in value)
        )
    return isinstance(value, type(default))
