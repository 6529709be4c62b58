"""Sessions: refresh tokens that are used once, and sign-ins that can be ended.

Each rotation gives a new refresh token and makes the old one worthless; whoever shows the old
one again has copied it, or was copied from, and ends the session (RFC 9700 section 4.14.2).
None of these functions may be called within a transaction of the database that the store
writes to: each writes in one of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from jwt.exceptions import ExpiredSignatureError
from quart import current_app

from quartapp.jwt.binding import DPoPWanted
from quartapp.jwt.callbacks import call
from quartapp.jwt.claims import Claims
from quartapp.jwt.codec import decode, sign_again
from quartapp.jwt.current import verified
from quartapp.jwt.exceptions import JWTDecodeError, RevokedTokenError, WrongTokenError
from quartapp.jwt.jwt_manager import Installed, JWTManager, installed
from quartapp.jwt.proofs import proven_key
from quartapp.jwt.session_store import (
    ID_LENGTH,
    REASON_LENGTH,
    Rotation,
    Session,
    SessionPolicy,
)
from quartapp.jwt.session_tokens import (
    SESSION_CLAIM,
    SessionMinter,
    SessionTokens,
    address_of,
    device_of,
    digest,
    digest_of,
    payload_of,
    subject_of,
)
from quartapp.jwt.signing import Header
from quartapp.jwt.state import Verified
from quartapp.jwt.threads import from_threads
from quartapp.jwt.to_the_end import to_the_end
from quartapp.jwt.typing import Fresh

_Manager = JWTManager | str | None

REUSE: Final = "reuse"
_NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)


@from_threads
async def start_session(
    identity: Any,
    *,
    fresh: Fresh = True,
    additional_claims: Claims | None = None,
    address: str | None = None,
    device: str | None = None,
    dpop: DPoPWanted = False,
    manager: _Manager = None,
) -> SessionTokens:
    """Sign somebody in: a new session with its first two tokens.

    `additional_claims` go into the access token. `address` and `device` are for the list of
    sessions; by default the request's client and its User-Agent. `dpop` binds both tokens to
    the key of the request's proof (with "optional": if there is one). Raises what
    create_access_token raises, ValueError if the subject cannot be kept, RuntimeError
    without use_sessions, InvalidDPoPProofError.
    """
    found = installed(manager)
    policy = policy_of(found)
    now = policy.clock()
    ends = now + policy.lifetime
    bound_to = await proven_key(found, dpop)
    minter = SessionMinter(found, identity, uuid4().hex, now, ends, bound_to)
    refresh = await minter.refresh_token(min(now + policy.idle, ends))
    payload = payload_of(refresh)
    tokens = await minter.tokens(refresh, fresh, additional_claims)
    session = Session(
        id=minter.session_id,
        subject=subject_of(payload, found),
        created_at=now,
        last_used_at=now,
        idle_expires_at=min(now + policy.idle, ends),
        expires_at=ends,
        digest=digest(payload),
        address=address_of(address),
        device=device_of(device),
    )
    await to_the_end(policy.store.add(session))
    return tokens


@from_threads
async def rotate_session(
    *,
    identity: Any = None,
    additional_claims: Claims | None = None,
    address: str | None = None,
    manager: _Manager = None,
) -> SessionTokens:
    """Use up the request's refresh token for two new ones: in a view of jwt_required(refresh=True).

    `identity` is what the callbacks of the manager are given, by default what the token says.
    The new access token is not fresh. A token that was used before ends the session, unless
    its successor is unused and the grace not over: then it gives that very successor again.
    Raises RevokedTokenError and ExpiredSignatureError, WrongTokenError for an access token,
    JWTDecodeError for one without a session, ValueError for the identity of somebody else.
    """
    found = installed(manager)
    policy = policy_of(found)
    token = verified(manager)
    if token.claims.get("type") != "refresh":
        raise _refused(found, WrongTokenError("Only refresh tokens are allowed"))
    now = policy.clock()
    session_id, used = _session_id(found, token.claims), digest_of(token.token)
    session = await policy.store.get(session_id)
    if session is not None and session.is_live(now) and session.digest == used:
        minter = _minter(found, token, identity, session, now)
        tokens, step = await _next_step(minter, policy, session, additional_claims, address)
        if await to_the_end(policy.store.rotate(step)):
            return tokens
        # Somebody else was faster, or ended the session.
        session = await policy.store.get(session_id)

    if session is None or session.revoked_at is not None:
        raise _refused(found, RevokedTokenError(token.header, token.claims))
    if session.has_expired(now):
        raise _expired(found, token)
    in_time = used != session.digest and _is_current(session, used, policy, now)
    if in_time and session.successor is not None:
        minter = _minter(found, token, identity, session, now)
        refresh = await sign_again(found, minter.identity, session.successor.encode("ascii"))
        return await _tokens(minter, session, refresh, additional_claims)
    await to_the_end(_end_for_reuse(policy, session, now))
    raise _refused(found, RevokedTokenError(token.header, token.claims))


@from_threads
async def revoke_session(
    session_id: str | None = None,
    *,
    subject: str | None = None,
    reason: str = "revoked",
    manager: _Manager = None,
) -> bool:
    """End a session, by default that of the request's token; True if it was not revoked before.

    With `subject` only if it is that one's: to be given where people choose the session.
    """
    found = installed(manager)
    policy = policy_of(found)
    if session_id is None:
        session_id = _session_id(found, verified(manager).claims)
    elif not _is_id(session_id):
        return False
    theirs = None if subject is None else str(subject)
    ending = policy.store.revoke(
        session_id, now=policy.clock(), reason=reason[:REASON_LENGTH], subject=theirs
    )
    return await to_the_end(ending)


@from_threads
async def revoke_all_sessions(
    subject: str, *, keep: str | None = None, reason: str = "revoked", manager: _Manager = None
) -> int:
    """End all sessions of somebody, but `keep`, and return how many those were.

    For a password that was changed, and for an account that was disabled.
    """
    policy = policy_of(installed(manager))
    ending = policy.store.revoke_all(
        str(subject), now=policy.clock(), reason=reason[:REASON_LENGTH], keep=keep
    )
    return await to_the_end(ending)


@from_threads
async def revoke_token(encoded_token: str | None = None, *, manager: _Manager = None) -> None:
    """Refuse one access token from now on, by default the request's; a refresh token's session.

    As in RFC 7009 section 2.1, a refresh token takes its session with it. Raises what
    decode_token raises, JWTDecodeError for a token without a session.
    """
    found = installed(manager)
    policy = policy_of(found)
    if encoded_token is None:
        token = verified(manager)
        encoded_token, claims = token.token, token.claims
    else:
        _, claims = await decode(found, encoded_token, allow_expired=True)
    session_id = _session_id(found, claims)
    if claims["type"] == "refresh":
        await revoke_session(session_id, manager=found.manager)
        return
    # What is no time, nobody checked: the token may be an old one.
    until = _end_of(claims, found)
    await to_the_end(policy.store.revoke_token(digest_of(encoded_token), until=until))


@from_threads
async def list_sessions(subject: str, *, manager: _Manager = None) -> Sequence[Session]:
    """Return somebody's live sessions, the one used last first, and no more than 100."""
    policy = policy_of(installed(manager))
    return await policy.store.sessions_of(str(subject), now=policy.clock())


async def check_session(found: Installed, token: str, header: Header, claims: Claims) -> None:
    """Raise RevokedTokenError unless the token's session is live and it is not revoked itself."""
    policy = policy_of(found)
    session_id, used, now = _session_id(found, claims), digest_of(token), policy.clock()
    if not await policy.store.is_live(session_id, used, now=now):
        raise RevokedTokenError(header, claims)
    if claims["type"] != "refresh":
        return
    session = await policy.store.get(session_id)
    if session is not None and not _is_current(session, used, policy, now):
        await to_the_end(_end_for_reuse(policy, session, now))
        raise RevokedTokenError(header, claims)


def policy_of(found: Installed) -> SessionPolicy:
    """Return the sessions of a manager; RuntimeError if it keeps none."""
    if found.manager.sessions is None:
        raise RuntimeError("Sessions need a store: call use_sessions on the JWTManager")
    return found.manager.sessions


def _minter(
    found: Installed, token: Verified, identity: Any, session: Session, now: datetime
) -> SessionMinter:
    if identity is None:
        identity = token.claims[found.options.identity_claim_key]
    return SessionMinter(found, identity, session.id, now, session.expires_at, token.bound_to)


async def _next_step(
    minter: SessionMinter,
    policy: SessionPolicy,
    session: Session,
    additional_claims: Claims | None,
    address: str | None,
) -> tuple[SessionTokens, Rotation]:
    """Make both tokens before anything is written: whatever fails here changes nothing."""
    expires = min(minter.now + policy.idle, session.expires_at)
    refresh = await minter.refresh_token(expires)
    payload = payload_of(refresh)
    if subject_of(payload, minter.found) != session.subject:
        raise ValueError("This is the session of somebody else")
    step = Rotation(
        session_id=session.id,
        expected=session.digest,
        digest=digest(payload),
        successor=payload.decode("ascii"),
        now=minter.now,
        idle_expires_at=expires,
        address=address_of(address),
    )
    return await _tokens(minter, session, refresh, additional_claims), step


async def _tokens(
    minter: SessionMinter, session: Session, refresh: str, additional_claims: Claims | None
) -> SessionTokens:
    """Make the access token beside a refresh token; both have to be the session's subject's."""
    tokens = await minter.tokens(refresh, False, additional_claims)
    if subject_of(payload_of(tokens.access_token), minter.found) != session.subject:
        raise ValueError("This is the session of somebody else")
    return tokens


def _is_current(session: Session, used: str, policy: SessionPolicy, now: datetime) -> bool:
    """Whether a refresh token is the newest, or the one before while the grace lasts."""
    in_time = now < session.last_used_at + policy.grace
    return used == session.digest or (used == session.previous_digest and in_time)


def _end_of(claims: Claims, found: Installed) -> datetime:
    """When a token is refused by itself, its leeway and a second for other clocks included."""
    exp = claims.get("exp")
    if not isinstance(exp, (int, float)) or not 0 < exp < _NEVER.timestamp():
        return _NEVER
    leeway = timedelta(seconds=found.options.leeway + 1)
    return min(datetime.fromtimestamp(exp, UTC), _NEVER - leeway) + leeway


async def _end_for_reuse(policy: SessionPolicy, session: Session, now: datetime) -> None:
    if not await policy.store.revoke(session.id, now=now, reason=REUSE):
        return
    if policy.on_reuse is not None:
        try:
            await call(policy.on_reuse, session)
        except Exception:
            # The refusal is answered in any case.
            current_app.logger.exception("on_reuse failed for the session %s", session.id)


def _session_id(found: Installed, claims: Claims) -> str:
    session_id = claims.get(SESSION_CLAIM)
    if not _is_id(session_id):
        raise _refused(found, JWTDecodeError(f"Missing claim: {SESSION_CLAIM}"))
    return str(session_id)


def _is_id(value: object) -> bool:
    if not isinstance(value, str) or len(value) != ID_LENGTH:
        return False
    return value.isascii() and value.isalnum()


def _expired(found: Installed, token: Verified) -> Exception:
    error = ExpiredSignatureError("Signature has expired")
    vars(error).update(jwt_header=token.header, jwt_data=token.claims)
    return _refused(found, error)


def _refused(found: Installed, error: Exception) -> Exception:
    found.take_over(error)
    return error
