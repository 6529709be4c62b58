"""The browser tests: skipped without chromium, which `make services` installs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.driver import Site, chromium, find_chromium, served
from tests.conftest import lasting
from tests.servers import missing


@pytest_asyncio.fixture(scope="session")
async def browser_process() -> AsyncIterator[Browser]:
    """The browser of this run."""
    binary = find_chromium()
    if binary is None:
        missing("browser")
    before = asyncio.all_tasks()
    async with chromium(binary) as browser:
        lasting.update(asyncio.all_tasks() - before)
        yield browser


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A served application; its rows are shared by all browser tests."""
    with served(tmp_path_factory.mktemp("site")) as site:
        yield site


@pytest_asyncio.fixture
async def page(browser_process: Browser) -> AsyncIterator[Page]:
    """A page in a browser profile of its own; what it complains of fails the test."""
    complaints: list[str] = []
    context = await browser_process.new_context(locale="en-GB", timezone_id="Europe/Berlin")
    page = await context.new_page()
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(10_000)
    yield page
    await context.close()
    assert complaints == []
