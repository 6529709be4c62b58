"""Each page passes axe-core; the browser complains of none (the fixture `page` looks at that)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tests.browser.driver import Site
from tests.browser.pages import LANGUAGES, LOOKS, PAGES, SIGNED_IN, Look

SIZES = {"phone": (390, 844), "desk": (1440, 900)}


@pytest_asyncio.fixture
async def looking(browser_process: Browser, site: Site, look: Look) -> AsyncIterator[Page]:
    """A page in that language and theme, of somebody who may see everything."""
    context = await browser_process.new_context(
        locale=LANGUAGES[look.language], color_scheme="dark" if look.theme == "dark" else "light"
    )
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.goto(f"{site.url}/login")
    await page.locator("input[name=username]").fill("admin")
    await page.locator("input[name=password]").fill("123456")
    await page.locator("main button[type=submit]").click()
    await page.wait_for_url("**/overview")
    yield page
    await context.close()


async def faults(page: Page, site: Site, look: Look) -> dict[str, list[str]]:
    """What axe-core, the console and the width of each page complain of."""
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    found: dict[str, list[str]] = {}
    for name, path in PAGES.items():
        for size, (width, height) in SIZES.items():
            await page.set_viewport_size({"width": width, "height": height})
            await page.goto(f"{site.url}{path}", wait_until="load")
            result = await Axe().run(page, options={"exclude": [[".swagger-ui"]]})
            wrong = [
                f"{violation['id']}: {node['html'][:200]}"
                for violation in result.response["violations"]
                for node in violation["nodes"]
            ]
            if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                wrong.append("wider than the screen")
            if name != "not-found":  # of which the browser says that it is a 404
                wrong += complaints
            complaints.clear()
            if wrong:
                found[f"{name} at a {size}"] = wrong
    return found


@pytest.mark.parametrize("look", [Look("en", "light")], ids=str)
async def test_the_pages_that_matter_most_are_accessible(
    looking: Page, site: Site, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in set(PAGES) - {"overview", "houses"}:
        monkeypatch.delitem(PAGES, name)

    assert await faults(looking, site, look) == {}


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_every_page_is_accessible(looking: Page, site: Site, look: Look) -> None:
    assert len(SIGNED_IN) > 10
    assert await faults(looking, site, look) == {}
