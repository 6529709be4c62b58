"""Metrics for Prometheus: the numbers of this process, and of all that serve beside it.

Several processes share the folder that PROMETHEUS_MULTIPROC_DIR names when this is imported;
without it a process counts alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"}
OTHER = "OTHER"  # whatever else a client made up
NO_ROUTE = "(none)"

_DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # seconds
_WAITS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LAGS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)

_folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
if _folder:
    from quartapp.telemetry import slots

    _slot = slots.take(Path(_folder))
    values.ValueClass = values.MultiProcessValue(process_identifier=lambda: _slot)

disable_created_metrics()  # several processes have none
REGISTRY = CollectorRegistry()


def _gauge(name: str, documentation: str) -> Gauge:
    """A gauge whose values in living processes add up."""
    return Gauge(name, documentation, registry=REGISTRY, multiprocess_mode="livesum")


_requests = Counter(
    "quartapp_http_requests",
    "Requests answered, by route template.",
    ("method", "route", "status"),
    registry=REGISTRY,
)
_durations = Histogram(
    "quartapp_http_request_duration_seconds",
    "Seconds from the head of a request to the end of its answer.",
    ("method", "route"),
    buckets=_DURATIONS,
    registry=REGISTRY,
)
requests_in_progress = _gauge("quartapp_http_requests_in_progress", "Requests being answered.")
logins = Counter(
    "quartapp_logins",
    "Attempts to sign in: accepted, refused (wrong), limited (too many), busy (no time to hash).",
    ("outcome",),
    registry=REGISTRY,
)
security_events = Counter(
    "quartapp_security_events",
    "What the log has as a security event, by its name.",
    ("event",),
    registry=REGISTRY,
)
password_hash_wait = Histogram(
    "quartapp_password_hash_wait_seconds",
    "Seconds that a password waited for a thread to hash it.",
    buckets=_WAITS,
    registry=REGISTRY,
)
password_hashes_waiting = _gauge("quartapp_password_hashes_waiting", "Passwords in the queue.")
password_hashes_running = _gauge("quartapp_password_hashes_running", "Passwords being hashed.")
pool_size = _gauge("quartapp_database_pool_size", "Database connections that there may be.")
pool_in_use = _gauge("quartapp_database_pool_in_use", "Database connections in use.")
pool_timeouts = Counter(
    "quartapp_database_pool_timeouts",
    "Requests for which no database connection became free in time.",
    registry=REGISTRY,
)
event_loop_lag = Histogram(
    "quartapp_event_loop_lag_seconds",
    "Seconds by which the event loop woke up late, looked at twice a second.",
    buckets=_LAGS,
    registry=REGISTRY,
)
workers = _gauge("quartapp_workers", "Serving processes.")
resident_memory = _gauge(
    "quartapp_resident_memory_bytes", "Resident memory of the serving processes."
)
open_descriptors = _gauge(
    "quartapp_open_file_descriptors", "Open file descriptors of the serving processes."
)

# A rate needs to see the zero before the first one.
_LOGINS = {  # by the event that tells of one
    "sign-in.accepted": logins.labels("accepted"),
    "sign-in.refused": logins.labels("refused"),
    "sign-in.limited": logins.labels("limited"),
}
logins.labels("busy")
security_events.labels("token.reused")

_children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}


def request_ended(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request; `route` is the template of its route, empty where none matched."""
    method = method if method in METHODS else OTHER
    key = (method, route, status)
    children = _children.get(key)
    if children is None:
        name = route or NO_ROUTE
        children = (_requests.labels(method, name, status), _durations.labels(method, name))
        _children[key] = children
    requests, durations = children
    requests.inc()
    durations.observe(seconds)


def event_happened(event: str) -> None:
    """Count a security event, and an attempt to sign in if it is one."""
    security_events.labels(event).inc()
    if event in _LOGINS:
        _LOGINS[event].inc()


def render() -> bytes:
    """All metrics as Prometheus reads them; takes a while, so not on the event loop."""
    if not _folder:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    together.register(_AllProcesses())
    return generate_latest(together)


class _AllProcesses(Collector):
    def collect(self) -> Iterable[Metric]:
        found: Iterable[Metric] = MultiProcessCollector.merge(slots.files(Path(_folder)))
        return found
