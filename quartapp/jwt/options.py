"""The options: one line each, with name, type and default.

Every option is read from `app.config` at each use, so that a change made while the
application runs takes effect with the next request. Under the strict profile an option that
nobody set has another default: see `Options.is_given`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from datetime import timedelta
from typing import Any, Final, Generic, Literal, TypeVar

from jwt.algorithms import requires_cryptography

from quartapp.jwt.internal_utils import JSONEncoder
from quartapp.jwt.keys import KeySource

T = TypeVar("T")

# The profiles: the answers and defaults of Flask-JWT-Extended, and those of today's RFCs.
STRICT: Final = "strict"
_PROFILES = frozenset({"", "compatible", STRICT})

# Stands for "the same under every profile".
_SAME: Final[Any] = object()

# In the order in which a set of locations is searched.
LOCATIONS = ("headers", "cookies", "query_string", "json")
_LOCATION_SET = frozenset(LOCATIONS)

EXEMPT_METHODS = frozenset({"OPTIONS"})

# A persistent cookie lives for 365 days and 40 minutes: the figure that users know.
PERSISTENT_COOKIE_SECONDS = 31_540_000

_COOKIE_NAMES = frozenset(
    f"{kind}{csrf}_COOKIE_NAME" for kind in ("ACCESS", "REFRESH") for csrf in ("", "_CSRF")
)


class _Option(Generic[T]):
    """One option: reads `app.config[prefix + name]`."""

    def __init__(self, name: str, default: T, strict: T = _SAME) -> None:
        self.name = name
        self.default = default
        self.strict = strict

    def __get__(self, options: Options, owner: type[Options] | None = None) -> T:
        value: T = options.config.get(options.names[self.name], self.default)
        if self.strict is _SAME or not options.is_strict or options.is_given(self.name, value):
            return value
        return self.strict


class Options:
    """A view of the options of one manager in one application's config."""

    __slots__ = ("_defaults", "config", "given", "name_of_manager", "names", "prefix")

    def __init__(
        self,
        config: Mapping[str, Any],
        prefix: str,
        manager: str | None = None,
        given: frozenset[str] = frozenset(),
    ) -> None:
        self.config = config
        self.prefix = prefix
        self.name_of_manager = manager
        # What the application had set before the defaults were filled in.
        self.given = given
        self._defaults = defaults(manager)
        # Where each lies in the config.
        self.names = {option.name: prefix + option.name for option in _options()}

    def is_given(self, name: str, value: Any) -> bool:
        """Tell whether the application chose this value itself.

        It did if the option was set before `init_app`, or if it is not the default now. Set
        to the default afterwards it looks untouched: then the strict profile has its way.
        """
        return name in self.given or value != self._defaults[name]

    profile = _Option[str | None]("PROFILE", "")

    @property
    def is_strict(self) -> bool:
        """Whether the strict profile is on; RuntimeError if the profile is none that exists."""
        profile = self.config.get(self.names["PROFILE"]) or ""
        if profile not in _PROFILES:
            raise RuntimeError(f"{self.prefix}PROFILE must be strict, compatible or empty")
        return bool(profile == STRICT)

    error_msg_key = _Option("ERROR_MESSAGE_KEY", "msg")
    # Refusals as RFC 6750 section 3 has them, instead of those of Flask-JWT-Extended.
    bearer_challenges = _Option("BEARER_CHALLENGES", False, strict=True)
    realm = _Option[str | None]("REALM", None)

    # Keys and algorithms
    algorithm = _Option("ALGORITHM", "HS256")
    raw_decode_algorithms = _Option[Iterable[str] | None]("DECODE_ALGORITHMS", None)
    raw_secret_key = _Option[Any]("SECRET_KEY", None)
    raw_private_key = _Option[Any]("PRIVATE_KEY", None)
    raw_public_key = _Option[Any]("PUBLIC_KEY", None)
    # A key ring, or what else finds keys by their name; in place of all of the above.
    keys = _Option[KeySource | None]("KEYS", None)

    # Claims
    raw_access_expires = _Option[Any]("ACCESS_TOKEN_EXPIRES", timedelta(minutes=15))
    raw_refresh_expires = _Option[Any]("REFRESH_TOKEN_EXPIRES", timedelta(days=30))
    identity_claim_key = _Option("IDENTITY_CLAIM", "sub")
    raw_encode_audience = _Option[str | Iterable[str] | None]("ENCODE_AUDIENCE", None)
    raw_decode_audience = _Option[str | Iterable[str] | None]("DECODE_AUDIENCE", None)
    raw_encode_issuer = _Option[str | None]("ENCODE_ISSUER", None)
    raw_decode_issuer = _Option[str | Iterable[str] | None]("DECODE_ISSUER", None)
    encode_nbf = _Option("ENCODE_NBF", True)
    raw_leeway = _Option[float | timedelta]("DECODE_LEEWAY", 0)
    verify_sub = _Option("VERIFY_SUB", True)

    # Where the token lies
    raw_token_location = _Option[Any]("TOKEN_LOCATION", ("headers",))
    raw_header_name = _Option("HEADER_NAME", "Authorization")
    header_type = _Option("HEADER_TYPE", "Bearer")
    query_string_name = _Option("QUERY_STRING_NAME", "jwt")
    query_string_value_prefix = _Option("QUERY_STRING_VALUE_PREFIX", "")
    json_key = _Option("JSON_KEY", "access_token")
    refresh_json_key = _Option("REFRESH_JSON_KEY", "refresh_token")

    # Cookies
    cookie_secure = _Option("COOKIE_SECURE", False, strict=True)
    cookie_samesite = _Option[str | None]("COOKIE_SAMESITE", None, strict="Lax")
    cookie_domain = _Option[str | None]("COOKIE_DOMAIN", None)
    session_cookie = _Option("SESSION_COOKIE", True)
    raw_access_cookie_name = _Option("ACCESS_COOKIE_NAME", "access_token_cookie")
    access_cookie_path = _Option("ACCESS_COOKIE_PATH", "/")
    raw_refresh_cookie_name = _Option("REFRESH_COOKIE_NAME", "refresh_token_cookie")
    refresh_cookie_path = _Option("REFRESH_COOKIE_PATH", "/")

    # Double-submit protection of cookies
    cookie_csrf_protect = _Option("COOKIE_CSRF_PROTECT", True)
    csrf_request_methods = _Option[Iterable[str]](
        "CSRF_METHODS", ["POST", "PUT", "PATCH", "DELETE"]
    )
    csrf_in_cookies = _Option("CSRF_IN_COOKIES", True)
    csrf_check_form = _Option("CSRF_CHECK_FORM", False)
    raw_access_csrf_cookie_name = _Option("ACCESS_CSRF_COOKIE_NAME", "csrf_access_token")
    access_csrf_cookie_path = _Option("ACCESS_CSRF_COOKIE_PATH", "/")
    access_csrf_header_name = _Option("ACCESS_CSRF_HEADER_NAME", "X-CSRF-TOKEN")
    access_csrf_field_name = _Option("ACCESS_CSRF_FIELD_NAME", "csrf_token")
    raw_refresh_csrf_cookie_name = _Option("REFRESH_CSRF_COOKIE_NAME", "csrf_refresh_token")
    refresh_csrf_cookie_path = _Option("REFRESH_CSRF_COOKIE_PATH", "/")
    refresh_csrf_header_name = _Option("REFRESH_CSRF_HEADER_NAME", "X-CSRF-TOKEN")
    refresh_csrf_field_name = _Option("REFRESH_CSRF_FIELD_NAME", "csrf_token")

    # An addition: bounds the work that one refusal can cost. None means no bound.
    max_token_length = _Option[int | None]("MAX_TOKEN_LENGTH", 16_384)

    # What is derived from them

    exempt_methods = EXEMPT_METHODS
    json_encoder = JSONEncoder

    @property
    def token_location(self) -> Collection[str]:
        """The locations to search; a set has none but the order of LOCATIONS.

        Raises RuntimeError if the option is empty, holds something else than locations,
        or is no collection.
        """
        value = self.raw_token_location
        if isinstance(value, str):
            value = (value,)
        if not isinstance(value, Iterable):
            raise RuntimeError(f"{self.prefix}TOKEN_LOCATION must be a sequence or a set")
        locations = value if isinstance(value, Collection) else list(value)
        if not locations or not _LOCATION_SET.issuperset(locations):
            raise RuntimeError(
                f"{self.prefix}TOKEN_LOCATION must hold one or more of {', '.join(LOCATIONS)}, "
                "and nothing else"
            )
        return locations

    @property
    def jwt_in_headers(self) -> bool:
        """Whether tokens are looked for in a header."""
        return "headers" in self.token_location

    @property
    def jwt_in_cookies(self) -> bool:
        """Whether tokens are looked for in cookies."""
        return "cookies" in self.token_location

    @property
    def jwt_in_query_string(self) -> bool:
        """Whether tokens are looked for in the query."""
        return "query_string" in self.token_location

    @property
    def jwt_in_json(self) -> bool:
        """Whether tokens are looked for in a JSON body."""
        return "json" in self.token_location

    @property
    def header_name(self) -> str:
        """The header that carries the token; RuntimeError if empty."""
        name = self.raw_header_name
        if not name:
            raise RuntimeError(f"{self.prefix}HEADER_NAME cannot be empty")
        return name

    @property
    def leeway(self) -> float:
        """Tolerance for clocks that differ, in seconds."""
        leeway = self.raw_leeway
        return leeway.total_seconds() if isinstance(leeway, timedelta) else leeway

    @property
    def cookie_max_age(self) -> int | None:
        """Lifetime of the cookies in seconds; None ends them with the browser's session."""
        return None if self.session_cookie else PERSISTENT_COOKIE_SECONDS

    @property
    def access_cookie_name(self) -> str:
        """The cookie of the access token; see _cookie_name."""
        return self._cookie_name(self.raw_access_cookie_name, "ACCESS_COOKIE_")

    @property
    def refresh_cookie_name(self) -> str:
        """The cookie of the refresh token; see _cookie_name."""
        return self._cookie_name(self.raw_refresh_cookie_name, "REFRESH_COOKIE_")

    @property
    def access_csrf_cookie_name(self) -> str:
        """The cookie of the access token's double-submit value; see _cookie_name."""
        return self._cookie_name(self.raw_access_csrf_cookie_name, "ACCESS_CSRF_COOKIE_")

    @property
    def refresh_csrf_cookie_name(self) -> str:
        """The cookie of the refresh token's double-submit value; see _cookie_name."""
        return self._cookie_name(self.raw_refresh_csrf_cookie_name, "REFRESH_CSRF_COOKIE_")

    def _cookie_name(self, name: str, family: str) -> str:
        """Under the strict profile, a default name with the strongest prefix that browsers take.

        `__Host-` asks for the path `/` and no domain, `__Secure-` for Secure alone (RFC 6265bis
        section 4.1.3). Other sites of the domain cannot write a cookie with such a name.
        """
        if not self.is_strict or self.is_given(f"{family}NAME", name) or not self.cookie_secure:
            return name
        path = self.config.get(f"{self.prefix}{family}PATH", "/")
        return f"__Secure-{name}" if self.cookie_domain or path != "/" else f"__Host-{name}"

    @property
    def encode_issuer(self) -> str | None:
        """The `iss` of new tokens; strict: else the one accepted, RuntimeError if there is none."""
        issuer = self.raw_encode_issuer
        if issuer is None and self.is_strict:
            accepted = self._needed(self.raw_decode_issuer, "ISSUER")
            if not isinstance(accepted, str):
                raise RuntimeError(f"{self.prefix}ENCODE_ISSUER must be set: several are accepted")
            return accepted
        return issuer

    @property
    def decode_issuer(self) -> str | Iterable[str] | None:
        """The `iss` accepted; strict: else that of new tokens, RuntimeError if there is none."""
        issuer = self.raw_decode_issuer
        if not issuer and self.is_strict:
            issuer = self._needed(self.raw_encode_issuer, "ISSUER")
        return issuer

    @property
    def encode_audience(self) -> str | Iterable[str] | None:
        """The `aud` of new tokens; strict: else those accepted, RuntimeError if there are none."""
        audience = self.raw_encode_audience
        if not audience and self.is_strict:
            audience = self._needed(self.raw_decode_audience, "AUDIENCE")
        return audience

    @property
    def decode_audience(self) -> str | Iterable[str] | None:
        """The `aud` accepted; strict: else that of new tokens, RuntimeError if there is none."""
        audience = self.raw_decode_audience
        if not audience and self.is_strict:
            audience = self._needed(self.raw_encode_audience, "AUDIENCE")
        return audience

    @property
    def decode_algorithms(self) -> list[str]:
        """The algorithms accepted, in the order given; `ALGORITHM` is always one of them.

        Strict: it is the only one (RFC 8725 section 3.1); RuntimeError if others are listed.
        """
        given = self.raw_decode_algorithms
        if not given:
            return [self.algorithm]
        names = [given] if isinstance(given, str) else list(given)
        if self.is_strict and set(names) != {self.algorithm}:
            raise RuntimeError(
                f"{self.prefix}DECODE_ALGORITHMS: one key has one algorithm in the strict "
                f"profile; put keys of several algorithms into {self.prefix}KEYS"
            )
        return names if self.algorithm in names else [*names, self.algorithm]

    @property
    def is_asymmetric(self) -> bool:
        """Whether the algorithm signs with one key and verifies with another."""
        return self.algorithm in requires_cryptography

    @property
    def encode_key(self) -> Any:
        """The key that signs; RuntimeError if none is set for the algorithm."""
        if self.is_asymmetric:
            return self._asymmetric(self.raw_private_key, "PRIVATE_KEY")
        return self._secret()

    @property
    def decode_key(self) -> Any:
        """The key that verifies; RuntimeError if none is set for the algorithm."""
        if self.is_asymmetric:
            return self._asymmetric(self.raw_public_key, "PUBLIC_KEY")
        return self._secret()

    @property
    def access_expires(self) -> timedelta | Literal[False]:
        """The lifetime of a new access token; see expires."""
        return self.expires("access")

    @property
    def refresh_expires(self) -> timedelta | Literal[False]:
        """The lifetime of a new refresh token; see expires."""
        return self.expires("refresh")

    def expires(self, kind: str) -> timedelta | Literal[False]:
        """The lifetime of a new token; False for one that never expires.

        Raises RuntimeError if the option holds something that is no duration.
        """
        access = kind == "access"
        name = "ACCESS_TOKEN_EXPIRES" if access else "REFRESH_TOKEN_EXPIRES"
        value = self.raw_access_expires if access else self.raw_refresh_expires
        if value is False:
            return False
        if type(value) is int:
            value = timedelta(seconds=value)
        # A relativedelta is no timedelta; all that is known of it is that a time can be added.
        if isinstance(value, (bool, float)) or not hasattr(value, "__radd__"):
            raise RuntimeError(f"must be able to add {self.prefix}{name} to datetime.datetime")
        duration: timedelta = value
        return duration

    def _secret(self) -> Any:
        # Only the default manager falls back to the application's key: were two managers to
        # share it, each would accept the other's tokens.
        secret = self.raw_secret_key
        if not secret and self.name_of_manager is None:
            secret = self.config.get("SECRET_KEY")
        if not secret:
            other = " or flask SECRET_KEY" if self.name_of_manager is None else ""
            raise RuntimeError(
                f"{self.prefix}SECRET_KEY{other} must be set when using symmetric algorithm "
                f'"{self.algorithm}"'
            )
        return secret

    def _needed(self, value: Any, name: str) -> Any:
        if not value:
            raise RuntimeError(
                f"The strict profile needs {self.prefix}ENCODE_{name} or {self.prefix}DECODE_{name}"
            )
        return value

    def _asymmetric(self, key: Any, name: str) -> Any:
        if not key:
            raise RuntimeError(
                f"{self.prefix}{name} must be set to use asymmetric cryptography algorithm "
                f'"{self.algorithm}"'
            )
        return key


def _options() -> list[_Option[Any]]:
    return [option for option in vars(Options).values() if isinstance(option, _Option)]


def defaults(manager: str | None = None) -> dict[str, Any]:
    """Return all options without their prefix, with the values that they start with.

    A manager with a name has cookies of its own, so that two managers on one site do not
    overwrite each other's.
    """
    values = {option.name: copy(option.default) for option in _options()}
    if manager is not None:
        values |= {name: f"{manager}_{values[name]}" for name in _COOKIE_NAMES}
    return values
