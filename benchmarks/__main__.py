"""`python -m benchmarks`: start ours and the peers, measure, tell the ratios."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from benchmarks import machine, results, wrk
from benchmarks.bench import SMOKE, Bench, Scale
from benchmarks.servers import missing
from benchmarks.workloads import WORKLOADS

RESULTS = Path(__file__).with_name("results")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(WORKLOADS)))
@click.option("--smoke", is_flag=True, help="Tiny counts: that it runs, not how fast.")
@click.option("--rounds", type=click.IntRange(1), help="How often each is measured.")
@click.option("--database", default="", metavar="URL", help="A MySQL server; else SQLite.")
@click.option("--output", type=click.Path(path_type=Path), default=RESULTS, show_default=True)
def main(
    *, names: tuple[str, ...], smoke: bool, rounds: int | None, database: str, output: Path
) -> None:
    """Measure the workloads of these NAMES, or all: ours beside Flask and FastAPI.

    URL is like mysql+aiomysql://root@127.0.0.1:3306. The status is 1 if a goal is not reached.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the servers end with us
    if absent := missing():
        raise click.ClickException(f"{', '.join(absent)} not installed: `make bench` installs it")
    scale = SMOKE if smoke else Scale()
    if rounds:
        scale = replace(scale, rounds=rounds)
    about = machine.description() | {
        "scale": "smoke" if smoke else "full",
        "database": "mysql" if database else "sqlite",
        "load generator": "wrk" if wrk.found() else "asyncio",
        "busy before": 0.0 if smoke else machine.others_share(2),
    }
    _warn(about)
    found = []
    for result in _measure(names or tuple(WORKLOADS), scale, database):
        found.append(result)
        results.write(output, found, about)  # what is there stays, if the next one breaks down
    click.echo(f"{results.table(found)}\n\n{results.compared(found)}\n\nWritten to {output}")
    if not smoke and not all(target.reached for one in found for target in one.targets):
        sys.exit(1)


def _measure(names: tuple[str, ...], scale: Scale, database: str) -> Iterator[results.Result]:
    with (
        tempfile.TemporaryDirectory(prefix="quartapp-bench-") as folder,
        Bench(scale, Path(folder), database) as bench,
    ):
        for name in names:
            begin = perf_counter()
            bench.say(name)
            result = WORKLOADS[name](bench)
            bench.say(f"  {perf_counter() - begin:.1f} s")
            yield result


def _warn(about: dict[str, Any]) -> None:
    if about["busy before"] > machine.QUIET:
        share = f"{about['busy before']:.0%}"
        click.echo(f"{share} of the machine is in use by others: doubt the figures.", err=True)
    if about["cores"] == 1:
        click.echo("With one core the load generator takes from what it measures.", err=True)
    if about["load generator"] != "wrk":
        click.echo("wrk is not installed: throughput is that of a slower generator.", err=True)


if __name__ == "__main__":
    main()
