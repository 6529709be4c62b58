"""Logins: how much of what the machine can hash is left when there is a server around it."""

from __future__ import annotations

import asyncio

from benchmarks import client, machine
from benchmarks.bench import Bench, login, sign_in
from benchmarks.results import Figure, Result, Target, ratios
from benchmarks.servers import FASTAPI, FLASK, OURS, Server

RAMP = 0.2  # of the time, until every client has begun and all threads are busy


def run(bench: Bench) -> Result:
    """Sign in with few and many clients, then with a thousand at the same moment."""
    found = Result("logins", "Logins")
    with bench.servers(OURS, FLASK, FASTAPI) as servers:
        for clients in bench.scale.logins:
            _closed_loop(bench, servers, clients, login(), found)
        _closed_loop(bench, servers[:1], bench.scale.logins[0], sign_in(), found, api=True)
        _burst(bench, servers, found)
    return found


def _closed_loop(
    bench: Bench,
    servers: list[Server],
    clients: int,
    asked: bytes,
    found: Result,
    *,
    api: bool = False,
) -> None:
    """Compare logins in a second with the machine's rates, measured in the same rounds."""
    seconds = bench.scale.login_seconds
    rates: dict[str, list[float]] = {library: [] for library in machine.ARGON2}

    def measure(server: Server) -> float:
        if server is servers[0]:
            for library, verify in machine.ARGON2.items():
                rates[library].append(machine.argon2_rate(verify, seconds / 2))
        sample = asyncio.run(
            client.closed_loop(server.port, asked, clients=clients, seconds=seconds)
        )
        if sample.lost or sample.statuses.keys() - {200, 503}:
            found.notes.append(f"{server.name}, {clients}: {sample.statuses}, lost {sample.lost}")
        return sample.rate(begin=RAMP * seconds, end=seconds)

    what = "API logins" if api else "logins"
    figures = bench.in_turns(servers, measure, name=f"{what} in a second, {clients} clients")
    found.figures += figures
    for library, values in rates.items():
        limit = Figure(f"{library} alone", figures[0].measure, "1/s", values)
        found.figures.append(limit)
        name = f"{what} in a second / {library} alone, {clients} clients"
        found.targets.append(Target(name, ratios(figures[0], limit), 0.90, 0.95))


def _burst(bench: Bench, servers: list[Server], found: Result) -> None:
    """Count who is answered when a thousand come at once: signed in, or told 503."""
    clients = bench.scale.burst
    signed_in: dict[Server, list[float]] = {server: [] for server in servers}

    def measure(server: Server) -> float:
        sample = asyncio.run(client.burst(server.port, login(), clients=clients))
        signed_in[server].append(sample.statuses[200] / clients)
        return (sample.statuses[200] + sample.statuses[503]) / clients

    figures = bench.in_turns(
        servers, measure, name=f"share answered of {clients} at once", unit="", rounds=1
    )
    found.figures += figures
    found.figures += [
        Figure(server.name, f"share signed in of {clients} at once", "", values)
        for server, values in signed_in.items()
    ]
    name = f"share of {clients} logins at once that is answered"
    found.targets.append(Target(name, figures[0].values, 1.0, 1.0))
