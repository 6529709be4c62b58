"""Fixtures of the token tests."""

from __future__ import annotations

import pytest
from quart import Quart

from tests.jwt.support import VIEW_STYLES, build


@pytest.fixture(params=VIEW_STYLES)
def style(request: pytest.FixtureRequest) -> str:
    """How views and callbacks are written."""
    return str(request.param)


@pytest.fixture
def app() -> Quart:
    """The application with all defaults."""
    return build()
