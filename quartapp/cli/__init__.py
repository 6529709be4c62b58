"""The command `quartapp`: one group, a file for each family of commands."""

from __future__ import annotations

import click

from quartapp import __version__
from quartapp.cli.database import db
from quartapp.cli.files import files
from quartapp.cli.houses import houses
from quartapp.cli.look import check, lessons, routes
from quartapp.cli.serve import serve
from quartapp.cli.tokens import tokens
from quartapp.cli.users import users


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="quartapp")
def main() -> None:
    """An asynchronous web application on Quart: serve it, and keep its database and accounts."""


for command in (serve, db, users, houses, files, tokens, lessons, routes, check):
    main.add_command(command)
