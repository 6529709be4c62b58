"""The response's class: the answer of most views, a text and nothing else, is made at once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from quart import Response
from werkzeug.datastructures import Headers
from werkzeug.utils import get_content_type


class LeanResponse(Response):
    """A response that writes down what follows from a text alone, and looks for nothing else."""

    def __init__(
        self,
        response: Any = None,
        status: Any = None,
        headers: Any = None,
        mimetype: str | None = None,
        content_type: str | None = None,
    ) -> None:
        kind = self.default_mimetype if mimetype is None else mimetype
        is_text = isinstance(response, (str, bytes)) and self.automatically_set_content_length
        if not is_text or headers is not None or content_type is not None or kind is None:
            super().__init__(response, status, headers, mimetype, content_type)
            return
        data = response if isinstance(response, bytes) else response.encode()
        told = Headers()
        told[:] = (
            (
                "Content-Type",
                _content_type(kind),
            ),
            ("Content-Length", str(len(data))),
        )
        super().__init__(self.data_body_class(data), status, told)


@lru_cache(maxsize=256)
def _content_type(mimetype: str) -> str:
    return get_content_type(mimetype, "utf-8")
