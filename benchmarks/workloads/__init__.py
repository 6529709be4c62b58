"""The workloads, in the order in which they run: a module each, with `run(bench)`."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.bench import Bench
from benchmarks.results import Result
from benchmarks.workloads import (
    guard,
    hello,
    houses_page,
    logins,
    many_rows,
    open_connections,
    start,
    storm,
    token_read,
    uploads,
)

WORKLOADS: dict[str, Callable[[Bench], Result]] = {
    "hello": hello.run,
    "token-read": token_read.run,
    "logins": logins.run,
    "storm": storm.run,
    "houses-page": houses_page.run,
    "many-rows": many_rows.run,
    "open-connections": open_connections.run,
    "upload": uploads.run,
    "start": start.run,
    "guard": guard.run,
}
