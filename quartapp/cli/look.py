"""`quartapp lessons`, `routes`, `check`: what there is, and whether it is in order."""

from __future__ import annotations

import click

from quartapp.app import create_app
from quartapp.cli.checks import findings
from quartapp.cli.common import read_settings
from quartapp.web.lessons import LESSONS


@click.command()
def lessons() -> None:
    """List the lessons, one for each section of the tutorial."""
    width = max(map(len, LESSONS))
    for lesson in LESSONS.values():
        click.echo(f"{lesson.name:{width}}  {lesson.title}: {lesson.summary}")


@click.command()
def routes() -> None:
    """List the addresses of the application, with their methods and endpoints."""
    rules = sorted(create_app(read_settings()).url_map.iter_rules(), key=str)
    rows = [(str(r), ",".join(sorted(r.methods or ())), str(r.endpoint)) for r in rules]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


@click.command()
@click.option("--deploy", is_flag=True, help="Check what production needs, too.")
def check(deploy: bool) -> None:
    """Check the settings, the database and its migrations; status 1 if something is wrong."""
    settings = read_settings()
    click.echo("ok    settings")
    wrong = 0
    for finding in findings(settings, deploy=deploy):
        wrong += finding.wrong
        click.echo(str(finding), err=finding.wrong)
    if wrong:
        raise click.ClickException(f"{wrong} of the checks failed")
