"""Journeys of people through the pages."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.browser.driver import Site


async def test_the_home_page_shows_itself(site: Site, page: Page) -> None:
    await page.goto(site.url)

    await expect(page.get_by_role("heading", level=1)).to_be_visible()
