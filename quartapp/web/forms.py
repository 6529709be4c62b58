"""Forms: read as Flask reads them, within Flask's limits, which Quart does not keep."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from quart import Request
from quart.formparser import FormDataParser
from quart.wrappers.request import Body
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

FormFields = tuple[MultiDict[str, str], MultiDict[str, Any]]
Parse = Callable[
    [FormDataParser, Body, str, int | None, dict[str, str]], Awaitable[FormFields]
]



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


class LimitedFormDataParser(FormDataParser):
    """Quart's parser of forms, with MAX_FORM_MEMORY_SIZE and MAX_FORM_PARTS for urlencoded ones."""

    def get_parse_func(self, mimetype: str, options: dict[str, str]) -> Parse | None:
        """The function that reads a body of that type."""
        if mimetype == "application/x-www-form-urlencoded":
            return _urlencoded
        if mimetype == "multipart/form-data":
            return super().get_parse_func(mimetype, options)
        return None


class LimitedRequest(Request):
    """A request whose forms keep their limits."""

    form_data_parser_class = LimitedFormDataParser
