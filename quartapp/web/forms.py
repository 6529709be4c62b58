"""Forms: read as Flask reads them, within Flask's limits, which Quart does not keep."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast
from urllib.parse import parse_qsl

from quart import Request
from quart.formparser import FormDataParser
from quart.wrappers.request import Body
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

FormFields = tuple[MultiDict[str, str], MultiDict[str, Any]]
Parse = Callable[[FormDataParser, Body, str, int | None, dict[str, str]], Awaitable[FormFields]]


async def _urlencoded(
    parser: FormDataParser, body: Body, _mimetype: str, _length: int | None, _options: object
) -> FormFields:
    """Read a urlencoded body. Raises RequestEntityTooLarge past the form's limits.

    Both are looked at before it is taken apart: large forms would hold the loop for seconds.
    """
    data = bytearray()
    async for chunk in body:
        data += chunk
        if parser.max_form_memory_size is not None and len(data) > parser.max_form_memory_size:
            raise RequestEntityTooLarge
    if parser.max_form_parts is not None and data.count(b"&") >= parser.max_form_parts:
        raise RequestEntityTooLarge
    pairs = parse_qsl(data.decode(), keep_blank_values=True, errors="werkzeug.url_quote")
    return MultiDict(pairs), MultiDict()


async def _multipart(
    parser: FormDataParser,
    body: Body,
    mimetype: str,
    length: int | None,
    options: dict[str, str],
) -> FormFields:
    """Read a multipart body. Raises ValueError for one that breaks off before its end."""
    parse = FormDataParser.parse_functions[mimetype]
    ending = _Ending(body, f"--{options.get('boundary', '')}--".encode())
    fields = await parse(parser, cast(Body, ending), mimetype, length, options)
    if not ending.seen:
        raise ValueError("the form breaks off")
    return fields


class _Ending:
    """A body that notices, as it passes, the line that ends a multipart form."""

    def __init__(self, body: Body, line: bytes) -> None:
        self._body = body
        self._line = line
        self._before = b""
        self.seen = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._body:
            window = self._before + chunk
            self.seen = self.seen or self._line in window
            self._before = window[-len(self._line) :]
            yield chunk


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
    """A request whose forms keep their limits."""

    form_data_parser_class = LimitedFormDataParser
