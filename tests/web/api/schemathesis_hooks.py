"""How schemathesis sends what it makes; it loads this file in a process of its own."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import schemathesis

from quartapp.web.api.operations import IDEMPOTENCY_KEY

schemathesis.serializer.alias("application/x-ndjson", "text/plain")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Give each request a key of its own where it has the example's: one key is for one body."""
    if case.headers and case.headers.get(IDEMPOTENCY_KEY.name) == IDEMPOTENCY_KEY.example:
        case.headers[IDEMPOTENCY_KEY.name] = uuid4().hex
