"""What is remembered of a sign-in, and where: the protocol of a store, and one in memory.

A sign-in makes a session: one family of refresh tokens, of which the newest is good (RFC 9700
section 4.14.2). A store keeps one row for each, and no token: digests, which cannot be turned
back, and the claims of the newest one, which are worth nothing without a signature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from quartapp.jwt.callbacks import Callback

Clock = Callable[[], datetime]

# What a store has to hold, in characters; longer texts are cut or refused before they reach it.
ID_LENGTH: Final = 32
SUBJECT_LENGTH: Final = 255
ADDRESS_LENGTH: Final = 64
DEVICE_LENGTH: Final = 255
REASON_LENGTH: Final = 32
DIGEST_LENGTH: Final = 64

LISTED: Final = 100  # sessions: nobody reads a longer list


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in. All times are aware, in UTC.

    `last_used_at` is the sign-in or the last rotation; at `idle_expires_at` it ends unless it
    is used before, at `expires_at` it ends in any case.
    """

    id: str
    subject: str
    created_at: datetime
    last_used_at: datetime
    idle_expires_at: datetime
    expires_at: datetime
    # SHA-256 of the claims of the newest refresh token, and of the one before.
    digest: str
    previous_digest: str | None = None
    # The claims of the newest one, as they were signed: within the grace it is signed anew.
    successor: str | None = None
    generation: int = 1
    address: str = ""
    device: str = ""
    revoked_at: datetime | None = None
    revoked_reason: str | None = None

    def has_expired(self, now: datetime) -> bool:
        """Tell whether it was unused for too long, or has lived as long as it may."""
        return now >= self.idle_expires_at or now >= self.expires_at

    def is_live(self, now: datetime) -> bool:
        """Tell whether its tokens are good."""
        return self.revoked_at is None and not self.has_expired(now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """One step of a session: from the refresh token of digest `expected` to its successor."""

    session_id: str
    expected: str
    digest: str
    successor: str
    now: datetime
    idle_expires_at: datetime
    address: str


class SessionStore(Protocol):
    """Where sessions are kept. `quartapp.jwt.conformance` holds the tests for one.

    Every method is one transaction of its own, committed when it returns: what it did holds
    whatever becomes of the request.
    """

    async def add(self, session: Session) -> None:
        """Keep a new session."""

    async def get(self, session_id: str) -> Session | None:
        """Return a session, also one that is revoked or expired; None if there is none."""

    async def rotate(self, step: Rotation) -> bool:
        """Take the step, if the session is live at `step.now` and its digest is `expected`.

        One conditional update: of any number of callers with one `expected` exactly one gets
        True, over all processes. It counts up `generation`, makes `expected` the previous
        digest, and `step.now` the time of the last use.
        """

    async def revoke(
        self, session_id: str, *, now: datetime, reason: str, subject: str | None = None
    ) -> bool:
        """End a session; True if it was not revoked before. With `subject` only if it is theirs."""

    async def revoke_all(
        self, subject: str, *, now: datetime, reason: str, keep: str | None = None
    ) -> int:
        """End every live session of somebody but `keep`, and return how many those were."""

    async def sessions_of(self, subject: str, *, now: datetime) -> Sequence[Session]:
        """Return somebody's live sessions, the one used last first, and no more than LISTED."""

    async def is_live(self, session_id: str, token: str, *, now: datetime) -> bool:
        """Tell whether a session is live and this token of it not revoked by itself."""

    async def revoke_token(self, token: str, *, until: datetime) -> None:
        """Refuse one token, of which `token` is a digest, until it has expired."""

    async def use_once(self, key: str, *, now: datetime, until: datetime) -> bool:
        """Tell whether `key` is new, and remember it until then: of many callers one gets True.

        False as well where there is no room: then it cannot be told.
        """

    async def prune(self, *, now: datetime) -> int:
        """Forget what has expired, and return how many sessions that were.

        Until then revoked sessions are kept too, so that reuse of their tokens is recognised.
        """


class MemorySessionStore:
    """A store for tests and for a program of one process; a restart ends every session.

    `most_keys` bounds what use_once remembers.
    """

    def __init__(self, *, most_keys: int = 100_000) -> None:
        self._sessions: dict[str, Session] = {}
        self._revoked: dict[str, datetime] = {}
        self._keys: dict[str, datetime] = {}
        self._most_keys = most_keys

    # Nothing in here waits, so no other task runs in between: each method is atomic.

    async def add(self, session: Session) -> None:
        """Keep a new session."""
        self._sessions[session.id] = session

    async def get(self, session_id: str) -> Session | None:
        """Return a session, also one that is revoked or expired; None if there is none."""
        return self._sessions.get(session_id)

    async def rotate(self, step: Rotation) -> bool:
        """Take the step, if the session is live at `step.now` and its digest is `expected`."""
        session = self._sessions.get(step.session_id)
        if session is None or not session.is_live(step.now) or session.digest != step.expected:
            return False
        self._sessions[session.id] = replace(
            session,
            generation=session.generation + 1,
            digest=step.digest,
            previous_digest=step.expected,
            successor=step.successor,
            last_used_at=step.now,
            idle_expires_at=step.idle_expires_at,
            address=step.address,
        )
        return True

    async def revoke(
        self, session_id: str, *, now: datetime, reason: str, subject: str | None = None
    ) -> bool:
        """End a session; True if it was not revoked before. With `subject` only if it is theirs."""
        session = self._sessions.get(session_id)
        if session is None or session.revoked_at is not None:
            return False
        if subject is not None and session.subject != subject:
            return False
        self._sessions[session_id] = replace(session, revoked_at=now, revoked_reason=reason)
        return True

    async def revoke_all(
        self, subject: str, *, now: datetime, reason: str, keep: str | None = None
    ) -> int:
        """End every live session of somebody but `keep`, and return how many those were."""
        ended = [each for each in self._live(subject, now) if each.id != keep]
        for session in ended:
            self._sessions[session.id] = replace(session, revoked_at=now, revoked_reason=reason)
        return len(ended)

    async def sessions_of(self, subject: str, *, now: datetime) -> Sequence[Session]:
        """Return somebody's live sessions, the one used last first, and no more than LISTED."""
        last_first = sorted(
            self._live(subject, now), key=lambda each: (each.last_used_at, each.id), reverse=True
        )
        return last_first[:LISTED]

    async def is_live(self, session_id: str, token: str, *, now: datetime) -> bool:
        """Tell whether a session is live and this token of it not revoked by itself."""
        session = self._sessions.get(session_id)
        return session is not None and session.is_live(now) and token not in self._revoked

    async def revoke_token(self, token: str, *, until: datetime) -> None:
        """Refuse one token, of which `token` is a digest, until it has expired."""
        self._revoked[token] = until

    async def use_once(self, key: str, *, now: datetime, until: datetime) -> bool:
        """Tell whether `key` is new, and remember it; False as well where there is no room."""
        if self._keys.get(key, now) > now:
            return False
        if len(self._keys) >= self._most_keys:
            # The oldest come first and nearly all live equally long: the work is bounded by
            # what was put in since.
            while self._keys and self._keys[oldest := next(iter(self._keys))] <= now:
                del self._keys[oldest]
            if len(self._keys) >= self._most_keys:
                return False
        self._keys.pop(key, None)
        self._keys[key] = until
        return True

    async def prune(self, *, now: datetime) -> int:
        """Forget what has expired, and return how many sessions that were."""
        ended = [each.id for each in self._sessions.values() if each.has_expired(now)]
        for session_id in ended:
            del self._sessions[session_id]
        for remembered in (self._revoked, self._keys):
            for key in [key for key, until in remembered.items() if until <= now]:
                del remembered[key]
        return len(ended)

    def _live(self, subject: str, now: datetime) -> list[Session]:
        return [
            each
            for each in self._sessions.values()
            if each.subject == subject and each.is_live(now)
        ]


def utc_now() -> datetime:
    """The clock that is asked where none is given."""
    return datetime.now(UTC)


def duration(value: float | timedelta) -> timedelta:
    """Return a duration given as one, or in seconds."""
    return value if isinstance(value, timedelta) else timedelta(seconds=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPolicy:
    """The sessions of one manager: their store, and how long they live."""

    store: SessionStore
    idle: timedelta
    lifetime: timedelta
    grace: timedelta
    clock: Clock
    on_reuse: Callback | None
