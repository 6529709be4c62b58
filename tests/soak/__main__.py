"""`python -m tests.soak`: meet the faults, print the table, write it down."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

import click

from benchmarks import machine
from tests.soak.faults import NAMES, meet
from tests.soak.row import as_json, table

RESULTS = Path(__file__).with_name("results")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--short", is_flag=True, help="Small counts, a few minutes for all.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of all that is random.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file that gets the table; beside it one for programs.  [default: results/soak.md]",
)
def main(*, names: tuple[str, ...], short: bool, seed: int, output: Path | None) -> None:
    """Meet the faults of these NAMES, or all, one after the other: about an hour.

    The status is 1 if something is not as it must be.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the servers end with us
    about = {
        **machine.description(),
        "scale": "short" if short else "full",
        "seed": seed,
        "busy before": machine.others_share(2),
    }
    rows = []
    for name in names or NAMES:
        click.echo(f"{name} ...", err=True)
        began = time.perf_counter()
        rows.append(asyncio.run(meet(name, seed=seed, short=short)))
        click.echo(f"  {time.perf_counter() - began:.0f} s: {rows[-1].measured}", err=True)
    file = output or RESULTS / "soak.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(table(rows) + "\n", encoding="utf-8")
    file.with_suffix(".json").write_text(as_json(rows, about), encoding="utf-8")
    click.echo(f"{table(rows)}\n\nWritten to {file}")
    if not all(row.reached for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
