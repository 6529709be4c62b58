"""As many connections as the system lets a process have files open."""

from __future__ import annotations

import resource
from contextlib import suppress

from quartapp.settings import SPARE_CONNECTIONS, Settings

FEW = 4 * SPARE_CONNECTIONS  # descriptors; with fewer nothing is of use


def fitted(settings: Settings) -> Settings:
    """The settings with no more connections and requests than there are descriptors for.

    A process may raise its limit of them up to one that the system sets, which is done here. Half
    of them are for connections, the others for the files and databases that requests open.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # where "unlimited" is not what can be had
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return settings
    connections = min(settings.max_connections, max(allowed, FEW) // 2)
    requests = min(settings.max_in_flight, connections - SPARE_CONNECTIONS)
    return settings.model_copy(update={"max_connections": connections, "max_in_flight": requests})
