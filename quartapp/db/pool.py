"""How many connections one of our processes may keep, of those that a server allows."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from quartapp.core.errors import NotReady

# Connections for others: migrations, the command line, whoever looks after the server.
RESERVE = 5
# One process more than there are: while they are replaced, a new one serves beside the old one.
REPLACING = 1

LIMITS = text("SELECT @@max_connections, @@max_user_connections")


class TooFewConnections(NotReady):
    """The server does not allow as many connections as the processes need."""


async def allowed(connection: AsyncConnection, *, processes: int, wanted: int) -> int:
    """The connections for each of `processes`, at most `wanted`. Raises TooFewConnections.

    `connection` is one to MySQL. Where the server sets no limit, it is what is wanted.
    """
    found = (await connection.execute(LIMITS)).one()
    limit = min((int(each) for each in found if each), default=None)
    if limit is None:
        return wanted
    each = (limit - RESERVE) // (processes + REPLACING)
    if each < 1:
        needed = processes + REPLACING + RESERVE
        raise TooFewConnections(
            f"the database server allows {limit} connections and {processes} serving processes"
            f" need {needed}: raise its max_connections, or start fewer"
        )
    return min(each, wanted)
