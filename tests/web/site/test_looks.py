"""The dress of the pages: themes, what browsers are told, and what they may keep."""

from __future__ import annotations

import re
from secrets import token_urlsafe
from typing import TYPE_CHECKING

import pytest
from quart import Quart

from quartapp.paths import STATIC
from quartapp.testing import User, sign_in, temporary_app

if TYPE_CHECKING:
    from quart.typing import TestClientProtocol

STYLES = {
    name: (STATIC / name).read_text(encoding="utf-8") for name in ("quartapp.css", "dark.css")
}
# Which colour is read on which.
READ_ON = [
    *[(ink, on) for ink in ("ink", "soft", "accent", "bad") for on in ("paper", "card", "sunk")],
    *[("accent-strong", on) for on in ("paper", "card", "sunk", "accent-wash")],
    *[("on-accent", on) for on in ("accent", "accent-strong")],
    *[("on-bad", on) for on in ("bad", "bad-strong")],
    *[(tone, f"{tone}-wash") for tone in ("bad", "good", "warn")],
]


@pytest.fixture
def backend() -> str:
    """Looks do not depend on the database."""
    return "sqlite"


async def text_of(client: TestClientProtocol, path: str = "/") -> str:
    return str(await (await client.get(path)).get_data(as_text=True))


def links_of(text: str) -> set[str]:
    return set(re.findall(r"<link[^>]*dark[^>]*>", text))


async def test_the_system_decides_on_the_theme_until_somebody_does(app: Quart) -> None:
    client = app.test_client()
    text = await text_of(client)
    assert "data-bs-theme" not in text
    assert all("prefers-color-scheme: dark" in link for link in links_of(text))
    assert links_of(text)


@pytest.mark.parametrize(("theme", "links"), [("light", 0), ("dark", 1)])
async def test_a_theme_that_was_chosen_is_there_at_once(theme: str, links: int, app: Quart) -> None:
    client = app.test_client()
    await client.post("/preferences", form={"theme": theme})
    text = await text_of(client)
    assert f'data-bs-theme="{theme}"' in text
    assert len(links_of(text)) == links
    assert "media=" not in "".join(links_of(text))
    await client.post("/preferences", form={"theme": "system"})
    assert "data-bs-theme" not in await text_of(client)


async def test_source_has_the_colours_of_the_theme(app: Quart) -> None:
    client = app.test_client()
    light = await text_of(client, "/lessons/source.css")
    dark = await text_of(client, "/lessons/source.css?theme=dark")
    assert ".highlight" in light
    assert light != dark
    await client.post("/preferences", form={"theme": "light"})
    assert "theme=dark" not in await text_of(client, "/lessons/about/hello")


async def test_the_navigation_has_what_a_person_may_use(app: Quart, user: User) -> None:
    anonymous = await text_of(app.test_client())
    assert 'href="/login"' in anonymous
    assert 'href="/overview"' not in anonymous
    signed_in = await text_of(await sign_in(app, user), "/overview")
    assert 'href="/overview" aria-current="page"' in signed_in
    assert 'action="/logout"' in signed_in
    assert 'href="/people"' not in signed_in


async def test_a_page_leads_back_to_itself_after_a_choice(app: Quart) -> None:
    text = await text_of(app.test_client(), "/lessons/?q=%3Cb%3E&x=1")
    assert 'name="next" value="/lessons/?q=%3Cb%3E&amp;x=1"' in text


async def test_bootstrap_is_kept_for_long_under_the_address_of_its_version(app: Quart) -> None:
    client = app.test_client()
    found = re.search(r'href="(/static/vendor/bootstrap/[^"]+)"', await text_of(client))
    assert found
    answer = await client.get(found[1])
    assert answer.status_code == 200
    assert answer.mimetype == "text/css"
    assert "immutable" in answer.headers["Cache-Control"]
    bare = await client.get(found[1].partition("?")[0])
    assert "immutable" not in bare.headers.get("Cache-Control", "")
    assert (await client.get("/static/vendor/bootstrap/nothing.css?v=1")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/lessons/", "/lessons/about/hello", "/static/quartapp.css", "/nowhere"]
)
async def test_browsers_are_told_what_a_page_may_do(path: str, app: Quart) -> None:
    headers = (await app.test_client().get(path)).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize("path", ["/", "/lessons/", "/lessons/about/jwt", "/login", "/nowhere"])
async def test_no_page_has_a_script_or_style_of_its_own(path: str, app: Quart) -> None:
    text = await text_of(app.test_client(), path)
    assert "style=" not in text
    assert "<style" not in text
    assert not re.search(r"\son\w+=", text)
    assert all("src=" in script for script in re.findall(r"<script[^>]*>", text))


async def test_a_lesson_answers_as_on_flask(app: Quart) -> None:
    answer = await app.test_client().get("/lessons/hello/flask")
    assert "Content-Security-Policy" not in answer.headers
    assert "Content-Language" not in answer.headers
    assert answer.headers["X-Request-ID"]


async def test_production_asks_for_tls_and_its_cookies_too() -> None:
    keys = {name: token_urlsafe(48) for name in ("secret_key", "jwt_secret_key")}
    async with temporary_app(env="production", **keys) as app:
        client = app.test_client()
        answer = await client.post("/preferences", form={"theme": "dark"})
        assert "Secure" in answer.headers["Set-Cookie"]
        assert "Strict-Transport-Security" not in answer.headers
        answer = await client.get("/", scheme="https")
        assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


async def test_every_request_has_a_name_of_its_own(app: Quart) -> None:
    client = app.test_client()
    names = {(await client.get("/")).headers["X-Request-ID"] for _ in range(3)}
    assert len(names) == 3


def colours(style: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): #([0-9a-f]{6});", STYLES[style]))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("ink", "on"), READ_ON)
def test_what_is_to_be_read_has_a_contrast_of_four_and_a_half(
    style: str, ink: str, on: str
) -> None:
    known = colours(style)
    assert contrast(known[ink], known[on]) >= 4.5


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("on", ["paper", "card"])
def test_the_outline_of_a_field_has_a_contrast_of_three(style: str, on: str) -> None:
    known = colours(style)
    assert contrast(known["edge"], known[on]) >= 3


def test_both_themes_have_the_same_names_and_their_parts_agree() -> None:
    light, dark = (set(colours(style)) for style in STYLES)
    assert light == dark
    for style, text in STYLES.items():
        for name, value in colours(style).items():
            parts = re.search(rf"--{name}-rgb: ([\d, ]+);", text)
            if parts:
                assert bytes(map(int, parts[1].split(","))).hex() == value, name
