"""The sockets: opened here, before anything else starts, so that a port taken is one clear line."""

from __future__ import annotations

import errno
import ipaddress
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from hypercorn.config import Config

from quartapp.serve.errors import REFUSED, ServeError

UNIX = "unix:"
DESCRIPTOR = "fd://"


@dataclass
class Listening:
    """Open sockets, under the names of the two keys of hypercorn that they stand for."""

    bind: list[socket.socket]
    insecure_bind: list[socket.socket]

    def descriptors(self) -> dict[str, list[str]]:
        """What hypercorn is told to bind to, here or in a process that inherits them."""
        return {
            "bind": [f"{DESCRIPTOR}{sock.fileno()}" for sock in self.bind],
            "insecure_bind": [f"{DESCRIPTOR}{sock.fileno()}" for sock in self.insecure_bind],
        }

    def hand_over(self) -> dict[str, list[str]]:
        """The same, and leave it to hypercorn to close them."""
        descriptors = self.descriptors()
        for sock in (*self.bind, *self.insecure_bind):
            sock.detach()
        return descriptors

    def addresses(self, *, tls: bool) -> list[str]:
        """What to open in a browser, an address for each socket."""
        schemes = [("https" if tls else "http", self.bind), ("http", self.insecure_bind)]
        return [_address(scheme, sock) for scheme, sockets in schemes for sock in sockets]


def open_sockets(config: Config, *, remote: bool) -> Listening:
    """Open what the configuration says; unless `remote`, on loopback and unix sockets alone.

    Raises ServeError for an address that cannot be understood, reached or had.
    """
    # hypercorn looks at insecure_bind only where `bind` is encrypted.
    insecure_binds = config.insecure_bind if config.ssl_enabled else []
    for bind in (*config.bind, *insecure_binds):
        _understand(bind)
        if not remote and _beyond_loopback(bind):
            raise ServeError(
                f"{bind} can be reached from other machines, and this is development "
                "(known password, no encryption). Set QUARTAPP_ENV=production, or say "
                "--insecure-remote.",
                status=REFUSED,
            )
    with ExitStack() as opened:
        sockets = Listening(
            [opened.enter_context(_open(bind, config)) for bind in config.bind],
            [opened.enter_context(_open(bind, config)) for bind in insecure_binds],
        )
        opened.pop_all()  # from here on they stay open
    return sockets


def _open(bind: str, config: Config) -> socket.socket:
    alone = Config()
    alone.bind = [bind]
    alone.umask, alone.user, alone.group = config.umask, config.user, config.group
    try:
        if bind.startswith(UNIX) and _answers(bind.removeprefix(UNIX)):
            raise OSError(errno.EADDRINUSE, "Address already in use")
        [sock] = alone.create_sockets().insecure_sockets
        # Two servers that only bind can share a port; the second one to listen is refused.
        sock.listen(config.backlog)
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "; choose another one with --bind" if error.errno == errno.EADDRINUSE else ""
        raise ServeError(f"{bind}: {reason[:1].lower()}{reason[1:]}{hint}") from None
    return sock


def _answers(path: str) -> bool:
    """Whether a server listens on a unix socket; hypercorn would take its file away."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(path)
        except OSError:
            return False
        return True


def _understand(bind: str) -> None:
    if bind.startswith(UNIX) and bind != UNIX:
        return
    if bind.startswith(DESCRIPTOR) and bind.removeprefix(DESCRIPTOR).isdecimal():
        return
    host, _, port = bind.rpartition(":")
    plain = ":" not in host or (host.startswith("[") and host.endswith("]"))
    if not (host and plain and port.isascii() and port.isdecimal() and int(port) < 2**16):
        raise ServeError(
            f"{bind!r} is no address: HOST:PORT, [IPV6]:PORT, {UNIX}PATH or {DESCRIPTOR}NUMBER",
            status=REFUSED,
        )


def _beyond_loopback(bind: str) -> bool:
    if bind.startswith(UNIX):
        return False
    if bind.startswith(DESCRIPTOR):
        return _open_beyond_loopback(int(bind.removeprefix(DESCRIPTOR)))
    host = bind.rpartition(":")[0].strip("[]")
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ServeError(f"{bind}: {error.strerror}") from None
    return not all(_loopback(str(address[4][0])) for address in found)


def _open_beyond_loopback(descriptor: int) -> bool:
    try:
        sock = socket.socket(fileno=descriptor)
    except OSError as error:
        raise ServeError(f"{DESCRIPTOR}{descriptor}: {error.strerror}") from None
    try:
        return sock.family != socket.AF_UNIX and not _loopback(sock.getsockname()[0])
    finally:
        sock.detach()


def _loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _address(scheme: str, sock: socket.socket) -> str:
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"{UNIX}{Path(name)}"
    host = f"[{name[0]}]" if sock.family == socket.AF_INET6 else name[0]
    return f"{scheme}://{host}:{name[1]}"
