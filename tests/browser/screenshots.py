"""`make screenshots`: pictures of the pages for docs/images, of a fresh server with demo rows."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser

from quartapp.accounts.demo import PASSWORD, USERNAME
from tests.browser.driver import Site, chromium, find_chromium, served
from tests.browser.pages import LANGUAGES, THEMES

IMAGES = Path(__file__).parents[2] / "docs" / "images"

SIZES = {390: 844, 1440: 900}
PAGES = {
    "overview": "/overview",
    "houses": "/houses",
    "house": "/house/1001",
    "account": "/account",
    "sign-in": "/login",
    "lessons": "/lessons/",
}


async def main() -> None:
    """Take every picture."""
    binary = find_chromium()
    if binary is None:
        raise SystemExit("There is no chromium: `make services` installs it")
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as site:
        async with chromium(binary) as browser:
            for theme in THEMES:
                for width in SIZES:
                    await take(browser, site, theme, width, "en", PAGES)
            await take(browser, site, "light", 1440, "zh", {"overview": "/overview"})


async def take(
    browser: Browser, site: Site, theme: str, width: int, language: str, pages: dict[str, str]
) -> None:
    """Take the pictures of one width, in one theme and language."""
    context = await browser.new_context(
        viewport={"width": width, "height": SIZES[width]},
        color_scheme="dark" if theme == "dark" else "light",
        locale=LANGUAGES[language],
        timezone_id="Asia/Shanghai",
    )
    page = await context.new_page()
    for name, path in pages.items():
        if name == "sign-in":
            await context.clear_cookies()
        elif name == next(iter(pages)):
            await page.goto(f"{site.url}/login")
            await page.locator("input[name=username]").fill(USERNAME)
            await page.locator("input[name=password]").fill(PASSWORD)
            await page.locator("main button[type=submit]").click()
            await page.wait_for_url("**/overview")
        await page.goto(f"{site.url}{path}", wait_until="networkidle")
        suffix = "" if language == "en" else f"-{language}"
        await page.screenshot(path=IMAGES / f"{name}-{width}-{theme}{suffix}.png")
    await context.close()


if __name__ == "__main__":
    asyncio.run(main())
