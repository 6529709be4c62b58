"""Journeys of people through the pages."""

from __future__ import annotations

from uuid import uuid4

import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.browser.driver import Site


@pytest_asyncio.fixture
async def person(site: Site) -> str:
    """The name of somebody new."""
    name = f"person-{uuid4().hex[:8]}"
    await site.make_account(name)
    return name


async def test_somebody_signs_in_finds_a_house_and_edits_it(
    site: Site, page: Page, person: str
) -> None:
    await page.goto(f"{site.url}/house/1006/edit")
    await expect(page).to_have_url(f"{site.url}/login?next=/house/1006/edit")
    await site.fill_in(page, person)
    await expect(page).to_have_url(f"{site.url}/house/1006/edit")

    await page.get_by_role("link", name="Houses").first.click()
    await page.get_by_label("Look for").fill("福田")
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("link", name="1006", exact=True).click()
    await page.get_by_role("link", name="Edit").click()
    await page.get_by_label("Name").fill(" <b>中海</b> %_ 🏠 ")
    await page.get_by_role("button", name="Save").click()

    await expect(page.get_by_role("status").first).to_be_visible()
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_contain_text("<b>中海</b> %_ 🏠")


async def test_of_two_who_edit_a_house_the_second_is_told(
    site: Site, page: Page, person: str, browser_process: Browser
) -> None:
    other_context = await browser_process.new_context()
    other = await other_context.new_page()
    await site.sign_in(page, person)
    await site.sign_in(other, person)
    await page.goto(f"{site.url}/house/1007/edit")
    await other.goto(f"{site.url}/house/1007/edit")

    await page.get_by_label("Address").fill("the first was here")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("the first was here").first).to_be_visible()
    await other.get_by_label("Address").fill("the second, too")
    await other.get_by_role("button", name="Save").click()

    await expect(other.get_by_text("the first was here").first).to_be_visible()
    await expect(other.get_by_text("the second, too").first).to_be_visible()
    await page.goto(f"{site.url}/house/1007")
    await expect(page.get_by_text("the second, too")).to_have_count(0)
    await other_context.close()


async def test_a_file_of_houses_is_imported(site: Site, page: Page, person: str) -> None:
    mark = uuid4().hex[:6]
    lines = [f"{mark}-{number},,name {number},\n" for number in range(1200)]
    text = (
        "id,project_no,project_name,project_address\n" + "".join(lines) + "too,many,columns,in,it\n"
    )
    await site.sign_in(page, person)
    await page.goto(f"{site.url}/houses/import")
    await page.locator("input[type=file]").set_input_files(
        {"name": "houses.csv", "mimeType": "text/csv", "buffer": text.encode()}
    )
    await page.get_by_role("button", name="Look at it").click()
    await expect(page.get_by_text("name 19")).to_be_visible()
    await page.get_by_label("Leave them out").check()

    await page.get_by_role("button", name="Import", exact=True).click()

    await expect(page.get_by_text("1,200 houses were imported.")).to_be_visible()
    await page.goto(f"{site.url}/houses?q={mark}&match=prefix")
    await expect(page.get_by_text("1,200 houses").first).to_be_visible()


DROP = """async (zone, names) => {
  const data = new DataTransfer();
  for (const name of names) {
    data.items.add(new File(["of " + name], name, {type: "text/plain"}));
  }
  for (const kind of ["dragenter", "dragover", "drop"]) {
    zone.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
  }
}"""


async def test_files_are_dropped_on_a_house(site: Site, page: Page, person: str) -> None:
    await site.sign_in(page, person)
    await page.goto(f"{site.url}/house/1008")

    zone = page.locator("[data-upload], .drop-zone, form[enctype='multipart/form-data']").first
    await zone.evaluate(DROP, ["合同.txt", "b.txt"])

    for name in ("合同.txt", "b.txt"):
        await expect(page.get_by_role("link", name=f"Download {name}")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download 合同.txt").click()
    assert (await download.value).suggested_filename == "合同.txt"


async def test_somebody_signs_out_elsewhere(
    site: Site, page: Page, person: str, browser_process: Browser
) -> None:
    other_context = await browser_process.new_context()
    other = await other_context.new_page()
    await site.sign_in(other, person)
    await site.sign_in(page, person)
    await page.goto(f"{site.url}/account")

    await page.get_by_role("button", name="Sign out everywhere else").click()

    await expect(page.get_by_role("button", name="Sign out everywhere else")).to_have_count(0)
    await other.goto(f"{site.url}/houses")
    await expect(other).to_have_url(f"{site.url}/login?next=/houses")
    await other_context.close()


async def test_language_and_theme_are_remembered(site: Site, page: Page) -> None:
    await page.goto(site.url)
    await page.locator("summary", has=page.locator("svg")).first.click()
    await page.get_by_role("button", name="简体中文").click()

    await expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    await page.goto(f"{site.url}/login")
    await expect(page.get_by_role("heading", level=1)).to_have_text("登录")
