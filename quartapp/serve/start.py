"""`quartapp serve`, from the options to the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

import click
from hypercorn.config import Config

from quartapp import __version__
from quartapp.serve import logs, on_granian
from quartapp.serve.config import read_config
from quartapp.serve.descriptors import fitted
from quartapp.serve.errors import REFUSED, ServeError
from quartapp.serve.metrics_folder import metrics_folder
from quartapp.serve.process import run
from quartapp.serve.reload import Reloader
from quartapp.serve.sockets import Listening, open_sockets
from quartapp.serve.supervisor import Supervisor
from quartapp.serve.worker import Order
from quartapp.settings import Settings, load_settings

HYPERCORN, GRANIAN = "hypercorn", "granian"

_log = logging.getLogger("quartapp.serve")


@dataclass(frozen=True)
class Options:
    """What was said on the command line; None leaves it to hypercorn.toml."""

    bind: str | None = None
    workers: int | None = None
    lesson: str | None = None
    reload: bool = False
    insecure_remote: bool = False
    server: str = HYPERCORN


def start(options: Options) -> None:
    """Serve until a signal comes. Raises ServeError or SettingsError if that cannot be."""
    with logs.reason_in_the_log():
        settings = load_settings()
        config = read_config()
        logs.set_up(settings, config)
        _start(options, _fitted(settings), config)


def _start(options: Options, settings: Settings, config: Config) -> None:
    workers = options.workers or config.workers or 1
    config.workers = 1  # of each process
    if options.bind:
        config.bind = options.bind
    _check(options, settings)
    remote = options.insecure_remote or settings.production
    if options.server == GRANIAN:
        on_granian.check(config, reload=options.reload)
        address = on_granian.free_address(config, remote=remote)
        addresses = [address.shown]
    else:
        sockets = open_sockets(config, remote=remote)
        addresses = sockets.addresses(tls=config.ssl_enabled)
    # Loaded only now: what can be refused without a database is refused sooner.
    from quartapp.serve.prepare import prepare_database

    sown = asyncio.run(prepare_database(settings, workers=workers))
    how = _how(settings, workers=workers, reload=options.reload)

    def announce() -> None:
        tell = _log.info if settings.production else click.echo
        tell(f"quartapp {__version__} on {' and '.join(addresses)} ({how})")
        if sown:
            tell(sown)

    if options.server == GRANIAN:
        plan = on_granian.Plan(workers, options.lesson, settings.shutdown_timeout)
        on_granian.serve(settings, config, address, plan, announce)
    elif options.reload or workers > 1 or settings.production:
        _serve_through_workers(options, settings, sockets, workers, announce)
    else:
        _serve_here(options, settings, config, sockets, announce)


def _fitted(settings: Settings) -> Settings:
    """The settings that the system allows, and a line where that is less than was asked for."""
    possible = fitted(settings)
    if possible.max_connections < settings.max_connections:
        _log.warning(
            "the limit of open files leaves room for %s connections, %s requests in progress "
            "(ulimit -n)",
            possible.max_connections,
            possible.max_in_flight,
        )
    return possible


def _check(options: Options, settings: Settings) -> None:
    if options.reload and settings.production:
        raise ServeError("--reload is for development: it shows debug pages.", status=REFUSED)
    if options.reload and (options.workers or 1) > 1:
        raise ServeError("--reload works with one worker.", status=REFUSED)
    if options.lesson:
        from quartapp.web.lessons import LESSONS

        if options.lesson not in LESSONS:
            known = ", ".join(LESSONS)
            raise click.BadParameter(
                f"{options.lesson!r} is none of {known}", param_hint="--lesson"
            )


def _how(settings: Settings, *, workers: int, reload: bool) -> str:
    if reload:
        return f"{settings.env}, reloading; Ctrl-C ends it"
    if workers > 1:
        return f"{settings.env}, {workers} workers; Ctrl-C ends it"
    return f"{settings.env}; Ctrl-C ends it"


def _serve_here(
    options: Options,
    settings: Settings,
    config: Config,
    sockets: Listening,
    announce: Callable[[], None],
) -> None:
    from quartapp.serve.application import application

    app = application(settings, lesson=options.lesson, debug=False)
    binds = sockets.hand_over()
    config.bind, config.insecure_bind = binds["bind"], binds["insecure_bind"]
    run(
        app,
        config,
        shutdown_timeout=settings.shutdown_timeout,
        max_connections=settings.max_connections,
        on_ready=announce,
    )


def _serve_through_workers(
    options: Options,
    settings: Settings,
    sockets: Listening,
    workers: int,
    announce: Callable[[], None],
) -> None:
    binds = sockets.descriptors()
    order = Order(
        binds["bind"],
        binds["insecure_bind"],
        settings.shutdown_timeout,
        lesson=options.lesson,
        debug=options.reload,
        workers=workers,
    )
    if options.reload:
        Reloader(order, on_ready=announce).serve()
        return
    with metrics_folder() as remove:
        Supervisor(
            order, count=workers, on_ready=announce, reserve=settings.production, at_last=remove
        ).serve()
