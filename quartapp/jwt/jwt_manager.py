"""JWTManager: what one application knows about its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from quart import Blueprint, Quart

from quartapp.jwt.binding import answer_dpop, with_challenge
from quartapp.jwt.callbacks import Callback, CallbackT
from quartapp.jwt.dpop import ALGORITHMS, DPoPPolicy, ReplayStore, origin_of
from quartapp.jwt.exceptions import DPoPError
from quartapp.jwt.keys import KeySource
from quartapp.jwt.options import Options, defaults
from quartapp.jwt.refusals import REFUSALS, answer_refusal
from quartapp.jwt.session_store import Clock, SessionPolicy, SessionStore, duration, utc_now
from quartapp.jwt.state import Connection, application, chosen_for, connection, outcomes
from quartapp.jwt.threads import note_loop

# Where other libraries look for the default manager; one with a name stands beside it, as
# "flask-jwt-extended:name".
DEFAULT_NAME: Final = "flask-jwt-extended"
_REGISTRY: Final = "quartapp.jwt"
# The attribute of a refusal that names the manager to answer it.
_MANAGER: Final = "jwt_manager"


class JWTManager:
    """Holds the callbacks of one kind of tokens and sets up applications for them.

    `name` and `prefix` make further managers on one application: each with options of its
    own (`prefix` and the option's name, by default `NAME_JWT_...`), keys and callbacks.
    The default manager's options begin with `JWT_`.
    """

    def __init__(
        self,
        app: Quart | None = None,
        add_context_processor: bool = False,
        *,
        name: str | None = None,
        prefix: str | None = None,
    ) -> None:
        self.name = name or DEFAULT_NAME
        # None for the default manager.
        self.label = None if self.name == DEFAULT_NAME else name
        own_prefix = f"{self.name.upper().replace('-', '_')}_JWT_"
        self.prefix = prefix or (own_prefix if self.label else "JWT_")

        self.additional_claims: Callback | None = None
        self.additional_headers: Callback | None = None
        self.user_identity: Callback | None = None
        self.encode_key: Callback | None = None
        self.decode_key: Callback | None = None
        self.token_in_blocklist: Callback | None = None
        self.token_verification: Callback | None = None
        self.user_lookup: Callback | None = None
        self.keys: KeySource | None = None
        # The callbacks that answer, by the name of their case.
        self.answers: dict[str, Callback] = {}

        # None until use_sessions and use_dpop.
        self.sessions: SessionPolicy | None = None
        self.dpop: DPoPPolicy | None = None

        if app is not None:
            self.init_app(app, add_context_processor)

    def init_app(self, app: Quart, add_context_processor: bool = False) -> None:
        """Set the options' defaults on `app` and answer its refused tokens.

        With `add_context_processor` templates see `current_user`: None where nobody is
        known. Raises ValueError if another manager of this application has the same prefix.
        """
        registry: Registry = app.extensions.setdefault(_REGISTRY, Registry())
        for other in registry.managers.values():
            if other.manager.prefix == self.prefix and other.manager.name != self.name:
                raise ValueError(f"Two managers would read the options {self.prefix}...")
        options = defaults(self.label)
        before = registry.managers.get(self.name)
        given = frozenset(name for name in options if self.prefix + name in app.config)
        for option, value in options.items():
            app.config.setdefault(self.prefix + option, value)

        installed = Installed(
            self,
            Options(app.config, self.prefix, self.label, before.options.given if before else given),
        )
        registry.managers[self.name] = installed
        entry = f"{DEFAULT_NAME}:{self.label}" if self.label else DEFAULT_NAME
        app.extensions[entry] = self

        for hooks in (app.before_request_funcs, app.before_websocket_funcs):
            if note_loop not in hooks[None]:
                hooks[None].insert(0, note_loop)
        for kind in REFUSALS:
            app.register_error_handler(kind, _answer)
        if add_context_processor:
            app.context_processor(installed.template_context)

    def use_for(self, blueprint: Blueprint) -> None:
        """Make this the manager that is meant, where none is named, within a blueprint.

        To be called before the blueprint is registered; holds for the blueprints nested in it.
        """

        def note(setup: Any) -> None:
            full_name = f"{setup.name_prefix}.{setup.name}".lstrip(".")
            registry: Registry = setup.app.extensions.setdefault(_REGISTRY, Registry())
            registry.blueprints[full_name] = self.name

        blueprint.record(note)

    def use_keys(self, keys: KeySource) -> None:
        """Sign and verify with these keys, by their names; the option `KEYS` wins over them.

        The options about keys and algorithms, and the callbacks that choose keys, are not asked
        then.
        """
        self.keys = keys

    def use_sessions(
        self,
        store: SessionStore,
        *,
        idle: float | timedelta = timedelta(days=14),
        lifetime: float | timedelta = timedelta(days=90),
        grace: float | timedelta = timedelta(seconds=10),
        clock: Clock = utc_now,
        on_reuse: Callback | None = None,
    ) -> None:
        """Keep this manager's sign-ins in `store`: see quartapp.jwt.sessions.

        A session ends when it is unused for `idle`, and in any case after `lifetime`. For
        `grace` a refresh token that was just used gives its successor once more. Each is a
        timedelta, or seconds; ValueError if `idle` or `lifetime` is not above 0, or `grace`
        below it. `on_reuse(session)` is called when a used token has ended its session.
        """
        policy = SessionPolicy(
            store=store,
            idle=duration(idle),
            lifetime=duration(lifetime),
            grace=duration(grace),
            clock=clock,
            on_reuse=on_reuse,
        )
        if min(policy.idle, policy.lifetime) <= timedelta(0) or policy.grace < timedelta(0):
            raise ValueError("A session needs an idle time and a lifetime above 0, and a grace")
        self.sessions = policy

    def use_dpop(
        self,
        store: ReplayStore,
        *,
        algorithms: Sequence[str] = ALGORITHMS,
        max_age: float | timedelta = timedelta(seconds=60),
        origins: Sequence[str] = (),
        clock: Clock = utc_now,
    ) -> None:
        """Take DPoP proofs (RFC 9449) where `dpop` is asked for; `store` remembers those used.

        A proof is good for `max_age`, a timedelta or seconds. `origins` are those under which
        clients know this application, as `https://api.example.org`; by default the Host that
        a request names, which holds only behind something that checks it. ValueError for an
        unknown algorithm, an age that is not above 0, and an origin that is none.
        """
        self.dpop = DPoPPolicy(
            store=store,
            algorithms=tuple(algorithms),
            max_age=duration(max_age),
            origins=frozenset(origin_of(each) for each in origins),
            clock=clock,
        )

    def additional_claims_loader(self, callback: CallbackT) -> CallbackT:
        """Set what gives claims to add to a new token: (identity) -> dict."""
        self.additional_claims = callback
        return callback

    def additional_headers_loader(self, callback: CallbackT) -> CallbackT:
        """Set what gives headers to add to a new token: (identity) -> dict."""
        self.additional_headers = callback
        return callback

    def user_identity_loader(self, callback: CallbackT) -> CallbackT:
        """Set what turns the identity given into the one in the token: (identity) -> JSON."""
        self.user_identity = callback
        return callback

    def encode_key_loader(self, callback: CallbackT) -> CallbackT:
        """Set what chooses the key that signs: (identity) -> key."""
        self.encode_key = callback
        return callback

    def decode_key_loader(self, callback: CallbackT) -> CallbackT:
        """Set what chooses the key that verifies: (header, claims) -> key.

        Both are unverified then. None or a LookupError means that there is no such key:
        the token is refused with 422.
        """
        self.decode_key = callback
        return callback

    def token_in_blocklist_loader(self, callback: CallbackT) -> CallbackT:
        """Set what tells whether a token is revoked: (header, claims) -> bool."""
        self.token_in_blocklist = callback
        return callback

    def token_verification_loader(self, callback: CallbackT) -> CallbackT:
        """Set what tells whether a valid token is welcome: (header, claims) -> bool."""
        self.token_verification = callback
        return callback

    def user_lookup_loader(self, callback: CallbackT) -> CallbackT:
        """Set what finds the user of a token: (header, claims) -> user, None for nobody."""
        self.user_lookup = callback
        return callback

    def unauthorized_loader(self, callback: CallbackT) -> CallbackT:
        """Set the answer to a missing token or CSRF value: (text) -> response."""
        return self._answer_with("unauthorized", callback)

    def invalid_token_loader(self, callback: CallbackT) -> CallbackT:
        """Set the answer to an invalid token: (text) -> response."""
        return self._answer_with("invalid_token", callback)

    def expired_token_loader(self, callback: CallbackT) -> CallbackT:
        """Set the answer to an expired token: (header, claims) -> response."""
        return self._answer_with("expired_token", callback)

    def revoked_token_loader(self, callback: CallbackT) -> CallbackT:
        """Set the answer to a revoked token: (header, claims) -> response."""
        return self._answer_with("revoked_token", callback)

    def needs_fresh_token_loader(self, callback: CallbackT) -> CallbackT:
        """Set the answer to a token that is not fresh: (header, claims) -> response."""
        return self._answer_with("needs_fresh_token", callback)

    def user_lookup_error_loader(self, callback: CallbackT) -> CallbackT:
        """Set the answer where the user lookup found nobody: (header, claims) -> response."""
        return self._answer_with("user_lookup_error", callback)

    def token_verification_failed_loader(self, callback: CallbackT) -> CallbackT:
        """Set the answer where token_verification said no: (header, claims) -> response."""
        return self._answer_with("token_verification_failed", callback)

    def _answer_with(self, case: str, callback: CallbackT) -> CallbackT:
        self.answers[case] = callback
        return callback


@dataclass(frozen=True, slots=True)
class Installed:
    """A manager on one application, with that application's options."""

    manager: JWTManager
    options: Options

    @property
    def keys(self) -> KeySource | None:
        """The keys with names, if there are any: of this application, else of the manager."""
        keys = self.options.keys
        return self.manager.keys if keys is None else keys

    def take_over(self, error: Exception) -> None:
        """Make this manager's callbacks answer the error, wherever it is caught."""
        vars(error)[_MANAGER] = self.manager

    def template_context(self) -> dict[str, Any]:
        """Give templates the user, or None: a page for everybody has no token."""
        conn = connection()
        outcome = None if conn is None else outcomes(conn).get(self.manager.name)
        return {"current_user": None if outcome is None else outcome.user}


@dataclass(slots=True)
class Registry:
    """The managers of one application, and the blueprints that chose one by name."""

    managers: dict[str, Installed] = field(default_factory=dict)
    blueprints: dict[str, str] = field(default_factory=dict)


def installed(manager: JWTManager | str | None = None, conn: Connection | None = None) -> Installed:
    """Return the manager that is meant: the one named, else the running view's decorator's,
    else the blueprint's, else the default one.

    `conn` is the request at hand, for who knows it already. Raises RuntimeError if the
    application has no such manager.
    """
    registry: Registry | None = application().extensions.get(_REGISTRY)
    if registry is None:
        raise RuntimeError("No JWTManager is initialized on this application: call init_app")
    name = manager.name if isinstance(manager, JWTManager) else manager or _implied(registry, conn)
    found = registry.managers.get(name)
    if found is None or (isinstance(manager, JWTManager) and found.manager is not manager):
        known = ", ".join(sorted(registry.managers)) or "none"
        raise RuntimeError(f"No JWTManager {name!r} on this application (there are: {known})")
    return found


def _implied(registry: Registry, conn: Connection | None) -> str:
    conn = connection() if conn is None else conn
    if conn is None:
        return DEFAULT_NAME
    chosen = chosen_for(conn)
    if chosen is not None:
        return chosen
    if registry.blueprints:
        for blueprint in conn.blueprints:
            if blueprint in registry.blueprints:
                return registry.blueprints[blueprint]
    return DEFAULT_NAME


async def _answer(error: Exception) -> Any:
    try:
        found = installed(vars(error).get(_MANAGER))
    except RuntimeError:
        # Raised by somebody else's code, on an application that only has managers with names.
        raise error from None
    answers, options = found.manager.answers, found.options
    if isinstance(error, DPoPError):
        answer = await answer_dpop(error, answers, options)
    else:
        answer = await answer_refusal(error, answers, options)
    return await with_challenge(answer, error)
