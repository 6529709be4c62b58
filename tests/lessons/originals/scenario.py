"""The words in which the table of requests is written.

A scenario is a short story in one browser: steps that share a cookie jar and what
earlier answers were asked to be remembered. A step says what is sent; what must come
back is what the original answers, unless the step names a fault of the original and
what is expected instead.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from flask.json.tag import TaggedJSONSerializer
from itsdangerous import URLSafeTimedSerializer

from tests.lessons.originals.memory import Memory

Late = Callable[[Memory], str]
"""A text that is only known once earlier steps were answered."""

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True)
class Expect:
    """What a lesson answers where it differs from the original, and what the original did."""

    status: int
    text: str | None = None  # the whole visible text
    message: bool = False  # a JSON object with a text under message, msg or error
    naming: tuple[str, ...] = ()  # words that the message (or the visible text) holds
    json: Any = ...
    allow: frozenset[str] | None = None  # methods that Allow names at least
    rows: bool = False  # a page without a single row in its tables
    forms: bool = False  # a page with the login form of the section
    original: int = 500


@dataclass(frozen=True)
class Step:
    """One request, and how its answer is compared."""

    method: str
    path: str | Late
    headers: Mapping[str, str | Late] = field(default_factory=dict)
    body: bytes | None = None
    instead: tuple[Expect, ...] = ()
    """Where the original fails: any of these will do for ours."""
    says: tuple[str, ...] = ()
    """Texts that the contract names: visible on both sides, in this order."""
    hides: tuple[str, ...] = ()
    """Texts that must not be visible on either side."""
    holds: tuple[str, ...] = ()
    """Pieces of the source of the page, on both sides."""
    exactly: str | None = None
    """The whole text of the original's answer, where the contract gives it."""
    status: int | None = None
    """The status that the contract gives (checked on the original)."""
    keep: Mapping[str, Literal["json", "script", "header"]] = field(default_factory=dict)
    """What to remember for later steps, and where it is found."""
    wording: Literal["exact", "free"] = "exact"
    """`free` where the contract leaves the text of a JSON message open."""
    fresh: bool = False
    """Send it from a browser without cookies."""
    whole_path: bool = False
    """The path is an address that a page gave, so it is not below the mount."""
    rows: bool = False
    """Compare the cells of the tables."""


House = tuple[str, str | None, str | None, str | None]


@dataclass(frozen=True)
class Scenario:
    """A story: what the tables hold, and the steps."""

    name: str
    steps: tuple[Step, ...]
    houses: tuple[House, ...] = ()
    admins: tuple[tuple[str, str], ...] = ()


def story(
    name: str,
    *steps: Step,
    houses: Sequence[House] = (),
    admins: Sequence[tuple[str, str]] = (("admin", "123456"),),
) -> Scenario:
    """Return a scenario; the account of the tutorial exists unless it says otherwise."""
    return Scenario(name, steps, tuple(houses), tuple(admins))


def get(path: str | Late, **more: Any) -> Step:
    """Return a GET."""
    return Step("GET", path, **more)


def form(path: str, fields: Mapping[str, str] | Sequence[tuple[str, str]], **more: Any) -> Step:
    """Return a POST of a form, as a browser sends it."""
    return sent("POST", path, urlencode(list(_pairs(fields))).encode(), FORM, **more)


def sent(method: str, path: str, body: bytes | None, content_type: str | None, **more: Any) -> Step:
    """Return a request with any body under any content type."""
    headers = {
        **more.pop("headers", {}),
        **({"Content-Type": content_type} if content_type else {}),
    }
    return Step(method, path, headers, body, **more)


def as_json(path: str, value: Any, *, content_type: str = JSON, **more: Any) -> Step:
    """Return a POST of a value as JSON."""
    return sent("POST", path, json.dumps(value).encode(), content_type, **more)


@dataclass(frozen=True)
class Part:
    """One part of a multipart body; `filename` None makes it an ordinary field."""

    name: str
    content: bytes = b""
    filename: str | None = None
    content_type: str | None = None


BOUNDARY = "----comparison7MA4YWxkTrZu0gW"


def multipart(*parts: Part) -> bytes:
    """Return a multipart body, its names in UTF-8 as browsers send them."""
    lines = b""
    for part in parts:
        lines += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{part.name}"'.encode()
        if part.filename is not None:
            quoted = part.filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
            lines += f'; filename="{quoted}"'.encode()
        if part.content_type is not None:
            lines += f"\r\nContent-Type: {part.content_type}".encode()
        lines += b"\r\n\r\n" + part.content + b"\r\n"
    return lines + f"--{BOUNDARY}--\r\n".encode()


def parts(path: str, *what: Part, **more: Any) -> Step:
    """Return a POST of a multipart form."""
    return sent("POST", path, multipart(*what), f"multipart/form-data; boundary={BOUNDARY}", **more)


METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "TRACE", "BREW", "DELETE")


def every_method(
    path: str,
    instead: Mapping[str, Sequence[Expect]] | None = None,
    **more: Any,
) -> Scenario:
    """Return every method on one address, without a body, each from a new browser."""
    faults = instead or {}
    options = {key: more.pop(key) for key in ("houses", "admins") if key in more}
    return story(
        f"every method on {path}",
        *(
            Step(method, path, instead=tuple(faults.get(method, ())), fresh=True, **more)
            for method in METHODS
        ),
        **options,
    )


def addresses(name: str, *paths: str, **more: Any) -> Scenario:
    """Return a GET of each address, each from a new browser."""
    options = {key: more.pop(key) for key in ("houses", "admins") if key in more}
    return story(name, *(get(path, fresh=True, **more) for path in paths), **options)


def remembered(key: str, pattern: str = "{}") -> Late:
    """Return a text that an earlier step kept, put into `pattern`."""
    return lambda memory: pattern.format(memory.kept[key])


def signed_session(value: Mapping[str, Any], key: str) -> str:
    """Return a session cookie as Flask signs it with `key`."""
    signer = URLSafeTimedSerializer(
        key,
        salt="cookie-session",
        serializer=TaggedJSONSerializer(),
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha1},
    )
    signed = signer.dumps(dict(value))
    return signed if isinstance(signed, str) else signed.decode()


def _pairs(fields: Mapping[str, str] | Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
    return list(fields.items()) if isinstance(fields, Mapping) else fields
