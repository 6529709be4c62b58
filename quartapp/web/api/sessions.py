"""Where somebody is signed in, as the API shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from quartapp.jwt import Session
from quartapp.web.api.models import Out


class SessionOut(Out):
    """Where somebody is signed in: a browser, or a program with tokens."""

    id: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: Annotated[str, Field(examples=["192.0.2.7"])]
    device: Annotated[str, Field(examples=["the import at night"])]
    current: bool


class Sessions(Out):
    """The live sessions, the 100 used last; `current` is the one that asks."""

    items: list[SessionOut]

    @classmethod
    def of(cls, sessions: Sequence[Session], *, current: str) -> Sessions:
        """Sessions as the API shows them."""
        return cls(
            items=[
                SessionOut(
                    id=each.id,
                    created_at=each.created_at,
                    last_used_at=each.last_used_at,
                    expires_at=min(each.idle_expires_at, each.expires_at),
                    address=each.address,
                    device=each.device,
                    current=each.id == current,
                )
                for each in sessions
            ]
        )


class Ended(Out):
    """How many sessions have been ended."""

    ended: int
