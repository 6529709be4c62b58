"""`quartapp serve`: the application on hypercorn."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--bind", metavar="HOST:PORT", help="Where to listen; 127.0.0.1:5000 by default.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="How many processes.")
@click.option("--lesson", metavar="NAME", help="Serve that one lesson, mounted at /.")
@click.option("--reload", is_flag=True, help="Restart on a change of the source; development only.")
@click.option("--insecure-remote", is_flag=True, help="Let development listen beyond loopback.")
@click.option(
    "--server",
    type=click.Choice(["hypercorn", "granian"]),
    default="hypercorn",
    show_default=True,
    help="granian: needs quartapp[granian]; faster, and with fewer bounds (see below).",
)
def serve(
    *,
    bind: str | None,
    workers: int | None,
    lesson: str | None,
    reload: bool,
    insecure_remote: bool,
    server: str,
) -> None:
    """Serve the application until Ctrl-C or SIGTERM, as hypercorn.toml says.

    With granian there is no --reload, TLS, HTTP/2 or max_requests, one address alone, and no
    worker in reserve. A first request may take as long as an idle connection (65 seconds), a
    client need not read, silent ones make no room for others, and SIGHUP replaces a worker before
    the new one is known to serve: it belongs behind a proxy.
    """
    # Imported here: the other commands start faster without the server.
    from quartapp.serve.errors import REFUSED, ServeError
    from quartapp.serve.start import Options, start
    from quartapp.settings import SettingsError

    try:
        start(Options(bind, workers, lesson, reload, insecure_remote, server))
    except (ServeError, SettingsError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(getattr(error, "status", REFUSED))
