"""Static files, answered as Flask answers them: by werkzeug, in a thread.

Quart's own answer lets a browser keep a file for twelve hours unasked, has no
Content-Disposition, and takes ranges that Flask refuses.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from quart import Blueprint, Quart, Response, request
from werkzeug.utils import send_from_directory

# What decides between the whole file, a part of it, and none.
CONDITIONS = ("Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since")

NOT_MODIFIED = 304


async def send_static(folder: Path, filename: str) -> Response:
    """The answer to the current request for a file below `folder`. Raises NotFound."""
    environ = {"REQUEST_METHOD": request.method}
    for name in CONDITIONS:
        if name in request.headers:
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = request.headers[name]

    def answer() -> Response:
        with send_from_directory(folder, filename, environ) as sent:
            sent.direct_passthrough = False
            data = sent.get_data()
        if sent.status_code != NOT_MODIFIED:
            return Response(data, sent.status_code, sent.headers)
        unchanged = Response(b"", sent.status_code, sent.headers)
        del unchanged.content_type, unchanged.content_length
        return unchanged

    return await asyncio.to_thread(answer)


class StaticBlueprint(Blueprint):
    """A blueprint whose static files are answered as Flask does."""

    async def send_static_file(self, filename: str) -> Response:
        """Answer for a file of the blueprint's folder."""
        return await send_static(Path(self.static_folder or ""), filename)


class StaticQuart(Quart):
    """An application whose static files are answered as Flask does."""

    async def send_static_file(self, filename: str) -> Response:
        """Answer for a file of the application's folder."""
        return await send_static(Path(self.static_folder or ""), filename)
