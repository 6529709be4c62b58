"""How claims become JSON."""

from __future__ import annotations

import json
from typing import Any

from quart import current_app
from quart.json.provider import DefaultJSONProvider


class JSONEncoder(json.JSONEncoder):
    """Writes what the application's own JSON can: times, UUIDs, decimals, data classes."""

    def default(self, o: Any) -> Any:
        """Return something that JSON has for what it has not; TypeError if there is nothing."""
        to_json = getattr(current_app.json, "default", None) or DefaultJSONProvider.default
        return to_json(o)
