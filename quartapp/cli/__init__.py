"""The command `quartapp`: one group, a file for each family of commands."""

from __future__ import annotations

from importlib import import_module
from typing import cast

import click

from quartapp import __version__

# Each command stands under its own name in the module named. That is loaded when the command is
# asked for: what it needs is most of the time that a command takes, and the memory of a supervisor.
COMMANDS = {
    "serve": "serve",
    "db": "database",
    "users": "users",
    "houses": "houses",
    "files": "files",
    "tokens": "tokens",
    "lessons": "look",
    "routes": "look",
    "check": "look",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"quartapp.cli.{COMMANDS[cmd_name]}")
        return cast(click.Command, getattr(module, cmd_name))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="quartapp")
def main() -> None:
    """An asynchronous web application on Quart: serve it, and keep its database and accounts."""
