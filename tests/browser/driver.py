"""Debian's chromium, driven by Playwright, and a served application for it to look at."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.accounts import service as accounts
from quartapp.accounts.passwords import Passwords
from quartapp.audit.service import Actor
from quartapp.db.database import Database
from tests.serve.processes import Server, started

PASSWORD = "a long enough one"
BY = Actor(None, "test")

# Without these chromium looks for its maker's hosts; a container has no sandbox of its own.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> str | None:
    """The browser's binary, if it is installed."""
    return shutil.which("chromium")


@asynccontextmanager
async def chromium(binary: str) -> AsyncIterator[Browser]:
    """A browser without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=binary, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass(frozen=True)
class Site:
    """A served application and the database behind it."""

    server: Server
    instance: Path

    @property
    def url(self) -> str:
        """The address of its home page, without the last slash."""
        return f"http://127.0.0.1:{self.server.port}"

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A transaction behind the application's back."""
        database = Database(f"sqlite+aiosqlite:///{self.instance / 'quartapp.db'}")
        try:
            async with database.writing() as db:
                yield db
        finally:
            await database.close()

    async def make_account(self, username: str) -> None:
        """An account with PASSWORD."""
        with closing(Passwords()) as passwords:
            password_hash = await passwords.hash(PASSWORD)
        async with self.writing() as db:
            await accounts.create(db, username=username, password_hash=password_hash, by=BY)

    async def sign_in(self, page: Page, username: str, password: str = PASSWORD) -> None:
        """Sign in as people do."""
        await page.goto(f"{self.url}/login")
        await self.fill_in(page, username, password)
        await page.wait_for_url("**/overview")

    async def fill_in(self, page: Page, username: str, password: str = PASSWORD) -> None:
        """Fill in the form, and send it."""
        await page.get_by_label("User name").fill(username)
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Sign in").click()


@contextmanager
def served(instance: Path) -> Iterator[Site]:
    """`quartapp serve` with the demo rows and the account admin, on a port of its own."""
    with started("-m", "quartapp", "serve", "--bind", "127.0.0.1:0", instance=instance) as server:
        yield Site(server.until_ready(), instance)
