"""The site's pages rest on the database: they are tested on each kind."""

from __future__ import annotations

import pytest

BACKENDS = ["sqlite", "mysql"]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The kind of database that a test runs on; it runs once on each."""
    return str(request.param)
