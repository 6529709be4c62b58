"""Settings: QUARTAPP_* from the environment and `.env`, checked once, every bad value named."""

from __future__ import annotations

import os
import secrets
from importlib.util import find_spec
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from quartapp.core.text import is_storable

PREFIX = "QUARTAPP_"
SECRET_LENGTH = 32  # characters: what HS256 asks for (RFC 7518, 3.2) and more than anybody guesses
DATABASE_SCHEMES = ("sqlite+aiosqlite", "mysql+aiomysql")
DATABASE_OPTIONS = {"charset", "unix_socket"}  # what may follow the `?` of an address
REDIS_SCHEMES = ("redis", "rediss", "unix")
REDIS_OPTIONS = {"db", "ssl_ca_certs"}

SPARE_CONNECTIONS = 64  # above the requests in flight

NOBODY = "nobody"  # an address list without addresses: what is empty in the environment is unset
UNIX = "unix"  # a proxy that comes by a Unix socket, and so has no address
TRACES_MODULE = "opentelemetry.exporter.otlp.proto.http"  # the last that the extra brings

Network = IPv4Network | IPv6Network

# Keys that stand in tutorials and examples, so that anybody can sign with them.
WELL_KNOWN = ("abc123", "abcde", "abcde1234", "abcd12345678", "changeme", "changethis", "secret")


class SettingsError(Exception):
    """Some settings cannot be used; `problems` holds one line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("These settings cannot be used:\n" + "\n".join(f"  {p}" for p in problems))
        self.problems = problems


class Settings(BaseSettings):
    """Every setting of the application; README.md has the table."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    env: Literal["development", "production"] = "development"
    instance_path: Path = Path("instance")
    database_url: str = ""  # empty: the embedded SQLite database under instance_path
    secret_key: SecretStr = Field(default=SecretStr(""), validate_default=True)
    jwt_secret_key: SecretStr = Field(default=SecretStr(""), validate_default=True)
    jwt_keys_file: Path = Path()  # unset: `jwt_keys.json` under instance_path
    upload_folder: Path = Path()  # unset: `upload` under instance_path
    max_upload_bytes: int = Field(default=16 * 2**20, ge=1)
    lessons: bool = True  # on or off
    # The least that is written into the log; the server tells of itself and its workers always.
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    shutdown_timeout: float = Field(default=1.0, ge=0, le=3600)  # seconds
    min_free_bytes: int = Field(default=64 * 2**20, ge=0)  # on the disk; with less it is not ready
    # At once, in each serving process; 1,000 who sign in together wait for the passwords' queue.
    max_in_flight: int = Field(default=2000, ge=1)  # requests in progress
    max_connections: int = Field(default=4000, ge=1, validate_default=True)
    workers: int = Field(default=1, ge=1)  # how many serving processes share this machine
    login_max_wait: float = Field(default=10.0, gt=0)  # seconds until a password's turn
    # Failed sign-ins of an account in a quarter of an hour; of an address ten times as many.
    login_rate_limit: int = Field(default=10, ge=0, le=1000)  # 0: no limit
    redis_url: SecretStr = SecretStr("")  # empty: each process counts for itself
    # Whose word is taken for where a request comes from: addresses, networks, `unix`.
    trusted_proxies: Annotated[tuple[Network | Literal["unix"], ...], NoDecode] = ()
    password_time_cost: int = Field(default=2, ge=1, le=99)  # passes of Argon2
    password_memory_kib: int = Field(default=19456, ge=1024, le=999_999)
    # Addresses and networks that may ask for /metrics, or `nobody`.
    metrics_allow: Annotated[tuple[Network, ...], NoDecode] = (
        ip_network("127.0.0.1"),
        ip_network("::1"),
    )
    traces: bool = False  # on or off

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_the_environment(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Production keeps the lessons out (some let anyone write) and waits longer at the end."""
        if values.get("env") == "production":
            values.setdefault("lessons", False)
            values.setdefault("shutdown_timeout", 10.0)
        instance = Path(values.get("instance_path", "instance"))
        values.setdefault("upload_folder", instance / "upload")
        values.setdefault("jwt_keys_file", instance / "jwt_keys.json")
        return values

    @field_validator("instance_path", "upload_folder", "jwt_keys_file", mode="after")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.absolute()

    @field_validator("instance_path", "upload_folder", mode="after")
    @classmethod
    def _folder(cls, path: Path) -> Path:
        if path.exists() and not path.is_dir():
            raise ValueError(f"{path} is no folder")
        return path

    @field_validator("lessons", "traces", mode="before")
    @classmethod
    def _on_or_off(cls, value: object) -> object:
        if isinstance(value, str) and value.lower() not in {"on", "off"}:
            raise ValueError("must be on or off")
        return value

    @field_validator("traces", mode="after")
    @classmethod
    def _installed(cls, traces: bool) -> bool:
        if traces and not _is_installed(TRACES_MODULE):
            raise ValueError("needs more to be installed: pip install 'quartapp[traces]'")
        return traces

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _proxies(cls, listed: object) -> object:
        if not isinstance(listed, str):
            return listed
        parts = [part.strip() for part in listed.split(",")]
        named = ",".join(part for part in parts if part != UNIX)
        return (*(networks(named) if named else ()), *((UNIX,) if UNIX in parts else ()))

    @field_validator("redis_url", mode="after")
    @classmethod
    def _known_redis(cls, secret: SecretStr) -> SecretStr:
        if secret.get_secret_value():
            check_redis(secret.get_secret_value())
        return secret

    @field_validator("metrics_allow", mode="before")
    @classmethod
    def _networks(cls, listed: object) -> object:
        return networks(listed) if isinstance(listed, str) else listed

    @field_validator("database_url", mode="after")
    @classmethod
    def _known_database(cls, url: str) -> str:
        if not url:
            return url
        parts = urlsplit(url)
        if url.partition(":")[0] not in DATABASE_SCHEMES:
            raise ValueError(f"must begin with {' or '.join(s + '://' for s in DATABASE_SCHEMES)}")
        if unknown := parse_qs(parts.query, keep_blank_values=True).keys() - DATABASE_OPTIONS:
            raise ValueError(f"has options that are none: {', '.join(sorted(unknown))}")
        if parts.scheme.startswith("mysql") and not (parts.hostname and parts.path.strip("/")):
            raise ValueError("must name a host and a database: mysql+aiomysql://user:pw@host/name")
        if parts.port == 0:  # reading `port` raises ValueError for what is no number
            raise ValueError("port 0 is none")
        return url

    @field_validator("*", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        """What the environment holds may be any bytes, which no refusal could quote.

        The last one here is the first to look.
        """
        if isinstance(value, str) and not is_storable(value):
            raise ValueError("is not UTF-8")
        return value

    @field_validator("max_connections", mode="after")
    @classmethod
    def _more_than_in_flight(cls, connections: int, info: ValidationInfo) -> int:
        """So that there is always one on which a request can be refused, and a probe answered."""
        if connections < (least := info.data.get("max_in_flight", 0) + SPARE_CONNECTIONS):
            raise ValueError(f"must be at least {least}: {SPARE_CONNECTIONS} more than in flight")
        return connections

    @field_validator("secret_key", "jwt_secret_key", mode="after")
    @classmethod
    def _own_in_production(cls, secret: SecretStr, info: ValidationInfo) -> SecretStr:
        if info.data.get("env") == "production" and (why := weakness(secret.get_secret_value())):
            raise ValueError(why)
        return secret

    @property
    def production(self) -> bool:
        """Whether this is production."""
        return self.env == "production"

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded default, which the house keeps by itself."""
        return not self.database_url

    @property
    def database(self) -> str:
        """The address of the database in use."""
        return self.database_url or f"sqlite+aiosqlite:///{self.instance_path / 'quartapp.db'}"

    @property
    def files_folder(self) -> Path:
        """The folder of the files of houses."""
        return self.instance_path / "files"

    def with_secrets(self) -> Self:
        """The same with the secrets that were not given, read from or made under instance_path.

        Only development comes here with one missing: production has been refused by then.
        """
        made = {
            name: SecretStr(kept_secret(self.instance_path / name))
            for name in ("secret_key", "jwt_secret_key")
            if not getattr(self, name).get_secret_value()
        }
        return self.model_copy(update=made)


def load_settings(**given: Any) -> Settings:
    """Read the settings; what is `given` wins over the environment, and that over `.env`.

    Raises SettingsError, which names every value that cannot be used.
    """
    try:
        return Settings(**given).with_secrets()
    except ValidationError as error:
        raise SettingsError([_problem(dict(e)) for e in error.errors()]) from None
    except UnicodeDecodeError:
        raise SettingsError([".env: is not UTF-8"]) from None
    except OSError as error:
        raise SettingsError([f"{error.filename}: {error.strerror}"]) from None


def is_production() -> bool:
    """Whether this is production, which is known also where other settings cannot be used."""
    try:
        return _Kind().env == "production"
    except (OSError, UnicodeDecodeError):  # of `.env`
        return os.environ.get(f"{PREFIX}ENV") == "production"


class _Kind(BaseSettings):
    model_config = Settings.model_config

    env: str = ""


def networks(listed: str) -> tuple[Network, ...]:
    """Networks and single addresses, separated by commas; `nobody` is none of them.

    Raises ValueError for anything else.
    """
    if listed.strip() == NOBODY:
        return ()
    parts = [part.strip() for part in listed.split(",")]
    if bad := [part for part in parts if not _is_network(part)]:
        raise ValueError(
            "must list addresses and networks: 127.0.0.1, 10.0.0.0/8; "
            f"none is {', '.join(map(repr, bad))}"
        )
    return tuple(map(ip_network, parts))


def check_redis(url: str) -> None:
    """Raise ValueError for what is no address of a Redis, without a word of what it holds."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("cannot be read: a password may have to be percent-encoded") from None
    if parts.scheme not in REDIS_SCHEMES:
        raise ValueError(f"must begin with {' or '.join(s + '://' for s in REDIS_SCHEMES)}")
    options = parse_qs(parts.query, keep_blank_values=True)
    if options.keys() - REDIS_OPTIONS:
        raise ValueError(f"takes these options alone: {', '.join(sorted(REDIS_OPTIONS))}")
    database = options.get("db", [])
    if parts.scheme != "unix":
        database = [*database, parts.path[1:] or "0"]
        if not host or port == 0:
            raise ValueError("must name a host, and a port but 0: redis://host:6379/0")
    elif not parts.path.strip("/"):
        raise ValueError("must name a socket: unix:///run/redis.sock?db=0")
    if not all(number.isascii() and number.isdecimal() for number in database):
        raise ValueError("names a database that is no number")


def weakness(secret: str) -> str:
    """Why a secret is too weak for production; empty if it is not."""
    if not secret:
        return "must be set in production"
    if secret.lower() in WELL_KNOWN:
        return "is printed in a tutorial: anybody can sign with it"
    if len(secret) < SECRET_LENGTH:
        return f"is shorter than {SECRET_LENGTH} characters"
    if len(set(secret)) < 8:
        return "repeats a few characters"
    return ""


def kept_secret(path: Path) -> str:
    """The secret in the file `path`; made at the first call, readable by its owner alone.

    Of several processes that start at once one makes the file and all read the same: the
    whole file appears at once, by a link that fails where there is one.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first: its secret is the one
        finally:
            draft.unlink()
    return path.read_text().strip()


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of what it lies in
        return False


def _problem(error: dict[str, Any]) -> str:
    """One line for one bad value, without the value: it may be a password."""
    name = "".join(str(part) for part in error["loc"]).upper()
    return f"{PREFIX}{name}: {error['msg'].removeprefix('Value error, ')}"
