"""ETags and the conditions on them (RFC 9110 section 13)."""

from __future__ import annotations

import re

from quart import Response, request
from werkzeug.exceptions import BadRequest

from quartapp.houses import service as houses
from quartapp.web.db import reading

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
# Elements of a list may be empty (section 5.6.1.2).
_TAGS = re.compile(rf"[ \t,]*(?:{_TAG}[ \t]*(?:,[ \t,]*|$))*")


def etag(fingerprint: str) -> str:
    """A fingerprint as an ETag."""
    return f'"{fingerprint}"'


def is_known(fingerprint: str) -> bool:
    """Whether If-None-Match says that the client has this already; what is no ETag never does."""
    value = ",".join(request.headers.getlist("If-None-Match"))
    tags = [tag.removeprefix("W/") for tag in re.findall(_TAG, value)]
    return value.strip() == "*" or etag(fingerprint) in tags


def not_modified(fingerprint: str) -> Response:
    """The answer 304."""
    done = Response(b"", 304, {"ETag": etag(fingerprint)})
    del done.content_type
    return done


async def expected(house_id: str) -> str | None:
    """The fingerprint that If-Match asks for; None where any will do. Raises BadRequest.

    A weak ETag never matches. Of several it is the one that the house has now, if it has one.
    """
    tags = _tags()
    if tags is None or "*" in tags:
        return None
    strong = [tag.strip('"') for tag in tags if not tag.startswith("W/")]
    if len(strong) < 2:
        return strong[0] if strong else ""
    async with reading() as db:
        now = houses.fingerprint(await houses.get(db, id=house_id))
    return now if now in strong else strong[0]


def _tags() -> list[str] | None:
    """The ETags of If-Match, `*` alone, or None where there is no such header."""
    values = request.headers.getlist("If-Match")
    if not values:
        return None
    value = ",".join(values)
    if value.strip() == "*":
        return ["*"]
    if not _TAGS.fullmatch(value):
        raise BadRequest("If-Match must be * or ETags in quotes.")
    return re.findall(_TAG, value)
