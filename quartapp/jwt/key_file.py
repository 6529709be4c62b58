"""Keys in a file: a JSON Web Key Set (RFC 7517 section 5), secret halves included.

Each process reads it again when it has changed. Nobody but its owner may read it; it is
replaced as a whole, so that no reader ever sees half of it.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from quartapp.jwt.keys import OVERLAP, Key, KeyRing
from quartapp.jwt.threads import in_own_thread

# Seconds for which what was read is taken for what is there.
_LOOK_AGAIN: Final = 1.0
_LARGEST: Final = 2**20
_DEFAULT_ALGORITHM: Final = "ES256"

_log: Final = logging.getLogger("quartapp.jwt")


class KeyFileError(RuntimeError):
    """The key file cannot be used; the text says why, and nothing of what it holds."""


class MissingKeyFileError(KeyFileError):
    """There is no key file."""


class KeyFile:
    """A key ring in a file, for every process that knows its path.

    What another process changed is seen within two seconds; a kid that is not known makes it
    look at once. While something unusable lies there, the last good keys stay in use and the
    log says so.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._known: _Read | None = None
        # What was found unusable last, to say so once.
        self._complained: object = None
        self._looked = float("-inf")

    async def find(self, kid: str) -> Key | None:
        """Return the key of this name, unless it is retired; KeyFileError if there are no keys."""
        key = (await self.ring()).get(kid)
        if key is None:
            # A worker may have seen the new key before this one: one look more, and no more.
            key = (await self.ring(fresh=True)).get(kid)
        return key

    async def signing_key(self) -> Key:
        """Return the key that signs; KeyFileError or RuntimeError if there is none."""
        return (await self.ring()).signing

    async def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Return the document of the public keys; an empty one if there is no file.

        Raises KeyFileError if the file cannot be used.
        """
        try:
            return (await self.ring()).jwks()
        except MissingKeyFileError:
            return {"keys": []}

    async def ring(self, *, fresh: bool = False) -> KeyRing:
        """Return the keys as they are; `fresh` looks at the file although it just did.

        Raises KeyFileError if the file cannot be used and never could.
        """
        now = time.monotonic()
        if fresh or self._known is None or now - self._looked >= _LOOK_AGAIN:
            # Noted before the look: who comes meanwhile goes on with what is known.
            self._looked = now
            self._known = known = await in_own_thread(self._look)
            return known.ring
        return self._known.ring

    def _look(self) -> _Read:
        known = self._known
        try:
            if known is not None and _signature(self.path.stat()) == known.signature:
                return known
            read = _read(self.path)
        except (KeyFileError, OSError) as error:
            problem = error if isinstance(error, KeyFileError) else _unreadable(self.path, error)
            if known is None:
                raise problem from None
            if str(problem) != self._complained:
                self._complained = str(problem)
                _log.error("%s. The keys read before stay in use.", problem)
            return known
        self._complained = None
        return read

    def read(self) -> KeyRing:
        """Return the keys that lie in the file now; blocks.

        Raises KeyFileError if it cannot be used, MissingKeyFileError if it is not there.
        """
        try:
            return _read(self.path).ring
        except OSError as error:
            raise _unreadable(self.path, error) from None

    def rotate(self, algorithm: str | None = None, overlap: timedelta = OVERLAP) -> Key:
        """Add a new key that signs from now on, and return it; blocks.

        The present one verifies for the overlap and is dropped at the first rotation after it.
        `algorithm`: that of the present key if None, ES256 at first. Several processes take
        turns. Raises KeyFileError if the file cannot be used, ValueError for an unknown algorithm.
        """
        if overlap < timedelta(0):
            raise ValueError("The overlap is negative")
        with _locked(self.path) as path:
            try:
                ring = _read(path).ring
            except FileNotFoundError:
                ring = KeyRing([])
            present = [key.algorithm for key in ring.keys if key.signs]
            new = Key.generate(algorithm or (present[0] if present else _DEFAULT_ALGORITHM))
            _write(path, ring.rotated(new, overlap))
        return new

    def make(self, algorithm: str = _DEFAULT_ALGORITHM) -> bool:
        """Make the file with one new key unless there is one, and tell whether; blocks.

        Raises KeyFileError if it cannot be written.
        """
        with _locked(self.path) as path:
            if path.exists():
                return False
            _write(path, KeyRing.generate(algorithm))
        return True


class _Read(NamedTuple):
    signature: tuple[int, ...]
    ring: KeyRing


def _signature(status: os.stat_result) -> tuple[int, ...]:
    # A replaced file has another inode, one written in place another time or size; the mode is
    # in it so that opening it to others is noticed too.
    return status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode


def _read(path: Path) -> _Read:
    # Without O_NONBLOCK a pipe in its place would hold this thread for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileError(f"{path} is no regular file")
        if status.st_mode & 0o077:
            raise KeyFileError(
                f"{path} can be read by others than its owner: its keys may be known. "
                f"chmod 600, and rotate the keys"
            )
        text = file.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise KeyFileError(f"{path} is larger than {_LARGEST} bytes")
    try:
        return _Read(_signature(status), _parsed(text))
    except ValueError as error:
        raise KeyFileError(f"{path} holds no usable keys: {error}") from None


def _parsed(text: bytes) -> KeyRing:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        # Without the cause: it would quote what the file holds.
        raise ValueError("it is no JSON") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise ValueError('it is no JSON object with a list "keys"')
    return KeyRing([Key.from_jwk(jwk) for jwk in keys])


def _write(path: Path, ring: KeyRing) -> None:
    text = json.dumps({"keys": [key.secret_jwk() for key in ring.keys]}, indent=2)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            _give_to_its_owner(descriptor, path)
            file.write(text + "\n")
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _give_to_its_owner(descriptor: int, path: Path) -> None:
    """Whoever is root here rotates for the server's own account, which has to read the file."""
    if os.geteuid() == 0:
        model = (path if path.exists() else path.parent).stat()
        os.fchown(descriptor, model.st_uid, model.st_gid)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[Path]:
    """Hold the lock beside the file and give the file that links lead to.

    The lock file stays: removed, it could be locked twice.
    """
    import fcntl  # not known to Windows, where the rest of the package works

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path = path.resolve()
        lock = path.with_name(f"{path.name}.lock")
        descriptor = _opened_lock(lock, path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield path
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _unreadable(path, error) from None


def _opened_lock(lock: Path, path: Path) -> int:
    # Only a file made here is given away, and no link is followed: whoever may write in the
    # folder could make root hand him any other file.
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(lock, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(lock, flags)
    _give_to_its_owner(descriptor, path)
    return descriptor


def _unreadable(path: Path, error: OSError) -> KeyFileError:
    if isinstance(error, FileNotFoundError):
        return MissingKeyFileError(f"There is no key file {path}: rotating makes it")
    return KeyFileError(f"{error.filename or path}: {error.strerror or error}")
