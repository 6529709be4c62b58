"""Idempotency-Key: a request that is sent again is answered again, and not done again.

    async with once(text_of_the_body) as attempt:
        if attempt.kept:
            return attempt.kept
        async with writing() as db:
            ...
            done = answer(...)
            await attempt.keep(db, done)
    return done

What raises within gives the key back: nothing was done. Without the header nothing is kept.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quart import Response, current_app, request
from sqlalchemy.ext.asyncio import AsyncSession
from werkzeug.exceptions import BadRequest

from quartapp.idempotency import service as idempotency
from quartapp.web.api.operations import IDEMPOTENCY_KEY
from quartapp.web.api.tokens import caller
from quartapp.web.db import database

# What else there is to an answer is said of this very request: its id, the time.
KEPT_HEADERS = ("Content-Type", "Location", "ETag")

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Once:
    """One request with a key, or without: then `keep` keeps nothing."""

    def __init__(
        self, attempt: idempotency.Attempt | None = None, kept: Response | None = None
    ) -> None:
        self.attempt = attempt
        self.kept = kept  # the answer, if it was given before

    async def keep(self, db: AsyncSession, answer: Response) -> None:
        """Keep the answer in the transaction that does what it says.

        Raises StillRunning if this took so long that another request took over.
        """
        if self.attempt is None:
            return
        headers = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
        await idempotency.keep(
            db,
            self.attempt,
            status=answer.status_code,
            headers=json.dumps(headers),
            answer=await answer.get_data(as_text=True),
        )


@asynccontextmanager
async def once(body: str) -> AsyncIterator[Once]:
    """Carry the request at hand out once: see the top of this module.

    `body` is what the body says: another one is another request. Raises BadRequest for a header
    that is no key, and what idempotency.begin raises.
    """
    key = _key()
    if key is None:
        yield Once()
        return
    secret = str(current_app.secret_key)
    id = idempotency.digest(secret, caller().subject, request.method, request.path, key)
    said = idempotency.digest(secret, body)
    begun = await idempotency.begin(database(), id=id, body=said)
    if isinstance(begun, idempotency.Kept):
        headers = json.loads(begun.headers)
        again = Response(begun.answer.encode(), begun.status, headers)
        again.headers["Idempotency-Replayed"] = "true"
        yield Once(kept=again)
        return
    try:
        yield Once(begun)
    finally:
        # Does nothing once the answer is kept; also after a client has hung up.
        await asyncio.shield(idempotency.release(database(), begun))


def _key() -> str | None:
    values = request.headers.getlist(IDEMPOTENCY_KEY.name)
    if not values:
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise BadRequest("Idempotency-Key must be 1 to 255 visible ASCII characters.")
    return str(values[0])
