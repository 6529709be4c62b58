"""What `quartapp check --deploy` looks at before it asks the database: settings and files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from hypercorn.config import Config
from sqlalchemy.engine import make_url

from quartapp.cli.finding import Finding
from quartapp.jwt import KeyFile, KeyFileError
from quartapp.serve.config import read_config
from quartapp.serve.errors import ServeError
from quartapp.settings import Settings, weakness

DOCUMENTED = {"123456", "password", "root", "house"}  # passwords that stand in instructions

# Pairs of memory (KiB) and passes of Argon2id that OWASP holds for equally strong; less is weak.
OWASP = ((47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5))

OTHERS = stat.S_IRWXO
GROUP_AND_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def deployment(settings: Settings) -> Iterator[Finding]:
    """Look at everything that is unsafe in production, whatever the database holds."""
    yield Finding(
        "environment",
        ""
        if settings.production
        else "QUARTAPP_ENV is not production: cookies go without TLS, demo rows are sown",
    )
    debug = os.environ.get("QUART_DEBUG", "").lower() not in {"", "0", "false", "no"}
    yield Finding("debug", "unset QUART_DEBUG: errors show the source" if debug else "")
    yield from _secrets(settings)
    trouble = "some let anyone write: set QUARTAPP_LESSONS=off" if settings.lessons else ""
    yield Finding("lessons", trouble)
    yield _keys(settings.jwt_keys_file)
    yield from _files(settings)
    yield _database_address(settings)
    yield _password_cost(settings)
    yield from _limits(settings)
    everybody = any(network.prefixlen == 0 for network in settings.metrics_allow)
    trouble = "anybody may read them: set QUARTAPP_METRICS_ALLOW to who shall" if everybody else ""
    yield Finding("metrics", trouble)
    yield from _server(settings)


def _secrets(settings: Settings) -> Iterator[Finding]:
    keys = {
        "QUARTAPP_SECRET_KEY": settings.secret_key.get_secret_value(),
        "QUARTAPP_JWT_SECRET_KEY": settings.jwt_secret_key.get_secret_value(),
    }
    for name, key in keys.items():
        yield Finding(name, weakness(key))
    alike = len(set(keys.values())) < len(keys)
    yield Finding("the two secrets", "are the same: one leak gives both away" if alike else "")


def _keys(file: Path) -> Finding:
    what = "keys of the API's tokens"
    if not file.exists():
        return Finding(what, note="are made at the first start, for their owner alone")
    try:
        KeyFile(file).read()
    except KeyFileError as error:
        return Finding(what, str(error))
    return Finding(what)


def _files(settings: Settings) -> Iterator[Finding]:
    """Whether other accounts of the machine can read what is the server's."""
    folder = settings.instance_path
    opened = _mode(folder) & OTHERS
    trouble = f"other accounts get into {folder}: chmod 700" if opened else ""
    yield Finding("instance path", trouble)
    private = [Path(".env"), *(folder / name for name in ("secret_key", "jwt_secret_key"))]
    for file in private:
        if _mode(file) & GROUP_AND_OTHERS:
            yield Finding("secrets", f"other accounts can read {file}: chmod 600, and change them")
    url = make_url(settings.database)
    if url.get_backend_name() == "sqlite":
        database = Path(str(url.database))
        # Where others cannot get into the folder, the file's own mode opens nothing.
        opened = _mode(database) & OTHERS and _mode(database.parent) & stat.S_IXOTH
        trouble = f"other accounts can read {database}: chmod 600" if opened else ""
        yield Finding("database file", trouble)


def _mode(file: Path) -> int:
    """What the accounts of the machine may do with a file; nothing if there is none."""
    try:
        return stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return 0


def _database_address(settings: Settings) -> Finding:
    what, url = "database address", make_url(settings.database)
    if url.get_backend_name() == "sqlite":
        return Finding(what, note="SQLite: one machine, one writer at a time")
    if not url.password:
        return Finding(what, "names no password")
    if url.password in DOCUMENTED:
        return Finding(what, "has the password of the tutorial, or another one that is printed")
    if url.username == "root":
        return Finding(what, "root may do everything: give the application a user of its own")
    if not _is_here(url.host or ""):
        return Finding(what, note=f"nothing is encrypted on the way to {url.host}: keep it private")
    return Finding(what)


def _password_cost(settings: Settings) -> Finding:
    memory, passes = settings.password_memory_kib, settings.password_time_cost
    enough = any(memory >= kib and passes >= times for kib, times in OWASP)
    trouble = (
        f"{memory} KiB and {passes} passes are less than OWASP's minimum (19456 and 2):"
        " unset QUARTAPP_PASSWORD_MEMORY_KIB and QUARTAPP_PASSWORD_TIME_COST"
    )
    return Finding("cost of a password", "" if enough else trouble)


def _limits(settings: Settings) -> Iterator[Finding]:
    unlimited = settings.login_rate_limit == 0
    trouble = "anybody may guess passwords without end: unset QUARTAPP_LOGIN_RATE_LIMIT"
    yield Finding("limit of failed sign-ins", trouble if unlimited else "")
    address = settings.redis_url.get_secret_value()
    if not address:
        several = settings.workers > 1 or _config_of_file().workers > 1
        counted = "each process counts failed sign-ins for itself: set QUARTAPP_REDIS_URL"
        yield Finding("redis", counted if several else "", note=f"with several workers {counted}")
        return
    parts = urlsplit(address)
    reachable = parts.scheme != "unix" and not _is_here(parts.hostname or "")
    trouble = "others reach it and it has no password: set requirepass, and name it in the address"
    yield Finding("redis", trouble if reachable and not parts.password else "")


def _server(settings: Settings) -> Iterator[Finding]:
    try:
        config = read_config()
    except ServeError as error:
        yield Finding("hypercorn.toml", str(error))
        return
    plain = config.insecure_bind if config.ssl_enabled else config.bind
    remote = [bind for bind in plain if not _is_local_bind(bind)]
    trouble = (
        f"{', '.join(remote)} is reached from other machines without TLS: bind to 127.0.0.1,"
        " and let a proxy do TLS"
    )
    yield Finding("hypercorn.toml", trouble if remote else "")
    believed = [network for network in settings.trusted_proxies if network != "unix"]
    trouble = ""
    if any(network.prefixlen == 0 for network in believed):
        trouble = "the word of anybody is taken: name the proxy's address"
    elif not settings.trusted_proxies and not config.ssl_enabled:
        trouble = (
            "no proxy is named: behind one all clients have its address, and are limited as one;"
            " set QUARTAPP_TRUSTED_PROXIES"
        )
    yield Finding("trusted proxies", trouble)


def _config_of_file() -> Config:
    try:
        return read_config()
    except ServeError:  # is a finding of its own
        return Config()


def _is_local_bind(bind: str) -> bool:
    if bind.startswith(("unix:", "fd://")):
        return True
    return _is_here(bind.rpartition(":")[0].strip("[]"))


def _is_here(host: str) -> bool:
    """Whether an address is this machine's own; a name that is none of ours is not asked for."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in {"", "localhost"}
