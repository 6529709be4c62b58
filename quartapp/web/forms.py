"""Requests whose bodies wait for their reader, and whose forms are read as Flask reads them.

Quart does not keep Flask's limits of forms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from io import BytesIO
from typing import IO, Any
from urllib.parse import parse_qsl

from quart import Request
from quart.datastructures import FileStorage
from quart.formparser import FormDataParser
from quart.wrappers.request import Body
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge, ServiceUnavailable
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Field, File

from quartapp.core.errors import NoRoom
from quartapp.files.storage import room_is_left
from quartapp.web.middleware.body_pace import KEY
from quartapp.web.multipart import events
from quartapp.web.paced_body import PacedBody

FormFields = tuple[MultiDict[str, str], MultiDict[str, Any]]
Parse = Callable[[FormDataParser, Body, str, int | None, dict[str, str]], Awaitable[FormFields]]

QUICK = 16 * 1024  # bytes of a urlencoded form that are read in no time, however they are spelt
CHARSETS = {"ascii", "us-ascii", "utf-8", "iso-8859-1"}  # that a field may be in, as on Flask


async def _urlencoded(
    parser: FormDataParser, body: Body, _mimetype: str, _length: int | None, _options: object
) -> FormFields:
    """Read a urlencoded body. Raises RequestEntityTooLarge past the form's limits.

    Both are looked at before it is taken apart, which for a large one happens in a thread: bytes
    that are no UTF-8 cost so much each that the loop would stand still.
    """
    data = bytearray()
    async for chunk in body:
        data += chunk
        if parser.max_form_memory_size is not None and len(data) > parser.max_form_memory_size:
            raise RequestEntityTooLarge
    if parser.max_form_parts is not None and data.count(b"&") >= parser.max_form_parts:
        raise RequestEntityTooLarge
    read = partial(parse_qsl, data.decode(), keep_blank_values=True, errors="werkzeug.url_quote")
    pairs = read() if len(data) <= QUICK else await asyncio.to_thread(read)
    return MultiDict(pairs), MultiDict()


async def _multipart(
    parser: FormDataParser, body: Body, _mimetype: str, length: int | None, options: dict[str, str]
) -> FormFields:
    """Read a multipart body. Raises ValueError for one that breaks off before its end.

    Raises ServiceUnavailable if the disk is full.
    """
    boundary = options.get("boundary", "").encode("ascii")
    if not boundary:
        raise ValueError("the form names no boundary")
    form: MultiDict[str, str] = MultiDict()
    files: MultiDict[str, Any] = MultiDict()
    told = events(
        body,
        boundary,
        max_memory=parser.max_form_memory_size,
        max_parts=parser.max_form_parts,
        max_body=parser.max_content_length,
    )
    part: Field | File | None = None
    content: IO[bytes] = BytesIO()
    # Closed again, should the form be refused half-way; a large file is written to the disk.
    with _room_is_left(), ExitStack() as opened:
        async for event in told:
            if isinstance(event, Data):
                content.write(event.data)
                if not event.more_data:
                    content.seek(0)
                    _keep(part, content, form, files)
                continue
            part, content = event, BytesIO()
            if isinstance(event, File):
                content = parser.stream_factory(length, None, event.filename, None)
                opened.callback(content.close)
        opened.pop_all()
    return form, files


@contextmanager
def _room_is_left() -> Iterator[None]:
    try:
        with room_is_left():
            yield
    except NoRoom as error:
        raise ServiceUnavailable("There is no room left for files.") from error


def _keep(
    part: Field | File | None,
    content: IO[bytes],
    form: MultiDict[str, str],
    files: MultiDict[str, Any],
) -> None:
    """Add a part that is whole to the fields or to the files."""
    if isinstance(part, File):
        files.add(part.name, FileStorage(content, part.filename, part.name, headers=part.headers))
    elif part is not None:
        form.add(part.name, content.read().decode(_charset(part), "replace"))


def _charset(part: Field) -> str:
    charset = parse_options_header(part.headers.get("Content-Type", ""))[1].get("charset", "")
    return charset.lower() if charset.lower() in CHARSETS else "utf-8"


class LimitedFormDataParser(FormDataParser):
    """Quart's parser of forms, with Flask's view of what is a form, and limits on all of them."""

    def get_parse_func(self, mimetype: str, options: dict[str, str]) -> Parse | None:
        """The function that reads a body of that type."""
        if mimetype == "application/x-www-form-urlencoded":
            return _urlencoded
        if mimetype == "multipart/form-data":
            return _multipart
        return None


class LimitedRequest(Request):
    """A request whose forms keep their limits, and whose body is taken in as it is read."""

    body_class = PacedBody
    form_data_parser_class = LimitedFormDataParser

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        scope: Any = self.scope
        if isinstance(self.body, PacedBody) and KEY in scope:
            self.body.follow(scope[KEY])
