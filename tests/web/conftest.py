"""What knows HTTP and no database is tested once, on the embedded one."""

from __future__ import annotations

import pytest


@pytest.fixture
def backend() -> str:
    """The kind of database that these tests run on."""
    return "sqlite"
