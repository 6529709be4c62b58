"""Downloads: a stored file answered whole, in part, or not again; streamed from a thread.

What people uploaded is never run in this site's name: all but pictures and plain text is offered
for saving, nothing is taken for another type, and what is shown is shut in a sandbox.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import BinaryIO
from urllib.parse import quote

from quart import Response, request
from quart.wrappers.response import ResponseBody
from werkzeug.datastructures import Headers
from werkzeug.exceptions import PreconditionFailed, RequestedRangeNotSatisfiable
from werkzeug.http import http_date, parse_date, parse_etags

from quartapp.files.storage import Storage, read

INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"}
RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*")
# What needs no percent in an ext-value (RFC 8187, 3.2.1).
PLAIN = "!#$&+-.^_`|~"


@dataclass(frozen=True)
class Download:
    """What is to be sent: the content under `key`, and how it is to be called and taken.

    `etag` differs for different contents, `inline` lets a browser show it.
    """

    key: str
    name: str
    media_type: str
    etag: str
    modified: datetime
    inline: bool


async def send(storage: Storage, download: Download) -> Response:
    """The answer to the current request for a stored file. Raises NotFound.

    Raises PreconditionFailed, RequestedRangeNotSatisfiable as the request's conditions demand.
    """
    headers = _headers(download)
    if _is_known(download, request.headers):
        unchanged = Response(b"", 304, headers)
        del unchanged.content_type, unchanged.content_length
        return unchanged
    file, size = await asyncio.to_thread(_open, storage, download.key)
    body: _Blocks | bytes = b""
    try:
        part = _part(download, size)
        start, stop = part or (0, size)
        if request.method == "GET":
            body = _Blocks(file, start, stop)  # which closes it
    finally:
        if not body:
            await asyncio.to_thread(file.close)
    if part:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    answer = Response(body, 206 if part else 200, headers)
    answer.content_length = stop - start
    answer.timeout = None  # a slow line may take as long as it takes
    return answer


def disposition(name: str, *, inline: bool) -> str:
    """The value of Content-Disposition for a name in any language (RFC 6266)."""
    kind = "inline" if inline else "attachment"
    simple = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    simple = "".join("_" if letter in '"\\%/' else letter for letter in simple).strip()
    # Every browser reads the second, and old programs the first.
    return f"{kind}; filename=\"{simple or 'file'}\"; filename*=UTF-8''{quote(name, safe=PLAIN)}"


class _Blocks(ResponseBody):
    """A part of an open file, which is closed at the end, however that comes."""

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        self._file = file
        self._blocks: AsyncGenerator[bytes, None] = read(file, start, stop)

    async def __aenter__(self) -> AsyncGenerator[bytes, None]:
        return self._blocks

    async def __aexit__(self, exc_type: type, exc_value: BaseException, tb: TracebackType) -> None:
        await self._blocks.aclose()
        await asyncio.shield(asyncio.to_thread(self._file.close))


def _headers(download: Download) -> Headers:
    media_type = download.media_type
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    return Headers(
        {
            "Content-Type": media_type,
            "Content-Disposition": disposition(download.name, inline=download.inline),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Accept-Ranges": "bytes",
            "ETag": f'"{download.etag}"',
            "Last-Modified": http_date(download.modified),
            "Cache-Control": "private, no-cache",
        }
    )


def _is_known(download: Download, sent: Headers) -> bool:
    """Whether the client has it already (RFC 9110, 13.2.2). Raises PreconditionFailed."""
    wanted = parse_etags(sent.get("If-Match"))
    if wanted and not (wanted.star_tag or wanted.is_strong(download.etag)):
        raise PreconditionFailed
    if "If-None-Match" in sent:
        return parse_etags(sent["If-None-Match"]).contains_weak(download.etag)
    since = parse_date(sent.get("If-Modified-Since"))
    return since is not None and download.modified.replace(microsecond=0) <= since


def _part(download: Download, size: int) -> tuple[int, int] | None:
    """The bytes asked for, from and up to; None for all. Raises RequestedRangeNotSatisfiable.

    Several ranges at once, and what is no range, get the whole, as RFC 9110, 14.2 has it.
    """
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    unless = request.headers.get("If-Range", "")
    if (
        request.method != "GET"
        or not asked
        or unless not in {"", f'"{download.etag}"', http_date(download.modified)}
    ):
        return None
    first, last = asked.groups()
    if first:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    elif last:
        start, stop = max(size - int(last), 0), size
    else:
        return None
    if start >= stop:
        raise RequestedRangeNotSatisfiable(length=size)
    return start, stop


def _open(storage: Storage, key: str) -> tuple[BinaryIO, int]:
    file = storage.open(key)
    return file, file.seek(0, 2)
