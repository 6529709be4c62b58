"""The site's own pages, and its answers where there is none."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from quart import Quart

from quartapp.testing import temporary_app
from quartapp.web.lessons import LESSONS
from quartapp.web.texts import read


class Links(HTMLParser):
    """What a page links to and loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if name in {"href", "src"} and value}


async def page(app: Quart, path: str, status: int = 200) -> str:
    answer = await app.test_client().get(path)
    assert answer.status_code == status
    assert answer.content_type == "text/html; charset=utf-8"
    return str(await answer.get_data(as_text=True))


async def test_home_leads_to_the_lessons(app: Quart) -> None:
    assert 'href="/lessons/"' in await page(app, "/")


async def test_the_list_names_every_lesson_with_a_line_about_it(app: Quart) -> None:
    listed = await page(app, "/lessons/")
    for lesson in LESSONS.values():
        assert f"/lessons/about/{lesson.name}" in listed
        assert lesson.title in listed
        assert lesson.summary
        assert lesson.summary.split(",")[0].split("`")[0] in listed


@pytest.mark.parametrize("name", LESSONS)
async def test_every_lesson_has_a_page_with_a_trial_and_its_source(name: str, app: Quart) -> None:
    about = await page(app, f"/lessons/about/{name}")
    text = re.sub(r"<[^>]+>", "", about)
    assert "Try it" in text
    assert f"/lessons/{name}/" in about
    assert "bp =" in text
    assert "async def" in text


@pytest.mark.parametrize("name", LESSONS)
async def test_every_page_about_a_lesson_is_chinese_too_but_for_its_source(
    name: str, app: Quart
) -> None:
    answer = await app.test_client().get(
        f"/lessons/about/{name}", headers={"Accept-Language": "zh-CN"}
    )
    about = re.sub(r"</?(span|code)[^>]*>", "", await answer.get_data(as_text=True))
    said, source = about.split('<div class="highlight">')
    chinese = read("zh_Hans")
    for text in (LESSONS[name].title, LESSONS[name].summary, "Try it", "Its source"):
        assert str(chinese[text].string) in said
    assert "Try it" not in said
    assert LESSONS[name].summary not in said
    assert LESSONS[name].summary in source


@pytest.mark.parametrize("name", LESSONS)
async def test_no_page_about_a_lesson_has_a_dead_link(name: str, app: Quart) -> None:
    links = Links()
    links.feed(await page(app, f"/lessons/about/{name}"))
    client = app.test_client()
    for link in sorted(links.found):
        if link.startswith("/"):
            assert (await client.get(link)).status_code < 400 or "login-db" in link, link


@pytest.mark.parametrize("name", ["hello", "jwt-refresh"])
async def test_the_bare_address_of_a_lesson_leads_to_its_page(name: str, app: Quart) -> None:
    answer = await app.test_client().get(f"/lessons/{name}")
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/lessons/about/{name}"


@pytest.mark.parametrize("path", ["/nowhere", "/lessons/nowhere", "/lessons/about/nowhere"])
async def test_where_there_is_no_page_the_site_says_so(path: str, app: Quart) -> None:
    assert "Go to the home page" in await page(app, path, 404)


async def test_inside_a_lesson_there_is_no_page_as_on_flask(app: Quart) -> None:
    assert "<h1>Not Found</h1>" in await page(app, "/lessons/hello/nowhere", 404)


async def test_a_method_the_home_page_does_not_take_is_405_with_allow(app: Quart) -> None:
    answer = await app.test_client().delete("/")
    assert answer.status_code == 405
    assert answer.allow == {"GET", "HEAD", "OPTIONS"}


async def test_without_lessons_the_home_page_says_so_and_there_are_none() -> None:
    async with temporary_app(lessons=False) as app:
        assert "lessons are off" in await page(app, "/")
        await page(app, "/lessons/", 404)
        await page(app, "/lessons/hello/flask", 404)
        assert "Go to the home page" in await page(app, "/nope", 404)
        assert "Go to the home page" in await page(app, "/static/nope", 404)
        assert (await app.test_client().post("/")).status_code == 405


async def test_one_lesson_alone_has_the_very_paths_of_the_tutorial() -> None:
    async with temporary_app(lesson="hello") as app:
        assert await page(app, "/flask") == "Hello Flask"
        await page(app, "/lessons/", 404)
