"""The types of arguments."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

ExpiresDelta = timedelta | Literal[False] | None
Fresh = bool | float | timedelta
