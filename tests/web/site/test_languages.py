"""Languages: chosen, wished for, and remembered."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from quart import Quart

from quartapp.core.errors import Refusal
from quartapp.web.i18n import date_text, gettext, iso, language_tag, ngettext, number, told
from quartapp.web.texts import read


@pytest.fixture
def backend() -> str:
    """What asks no database is tested once."""
    return "sqlite"


@pytest.mark.parametrize(
    ("wished", "given"),
    [
        ("", "en"),
        ("zh", "zh-Hans"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh-Hans-SG", "zh-Hans"),
        ("zh_CN", "zh-Hans"),
        ("zh-TW", "en"),
        ("zh-Hant-HK, zh-CN;q=0.5", "zh-Hans"),
        ("de, en;q=0.5, zh;q=0.2", "en"),
        ("de, zh;q=0.2", "zh-Hans"),
        ("en-GB, zh;q=0.9", "en"),
        ("fr", "en"),
        ("*", "en"),
        ("\x00;;q=x,,", "en"),
    ],
)
async def test_the_browser_says_which_language_it_wishes(
    wished: str, given: str, app: Quart
) -> None:
    answer = await app.test_client().get("/", headers={"Accept-Language": wished})
    assert answer.headers["Content-Language"] == given
    assert f'<html lang="{given}"' in await answer.get_data(as_text=True)
    assert {"Accept-Language", "Cookie"} <= set(answer.vary)


async def test_a_language_that_was_chosen_wins_and_is_remembered(app: Quart) -> None:
    client = app.test_client()
    answer = await client.post(
        "/preferences", form={"language": "zh_Hans", "next": "/lessons/?a=b"}
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/lessons/?a=b")
    cookie = answer.headers["Set-Cookie"]
    assert "SameSite=Lax" in cookie
    assert "HttpOnly" in cookie
    english = {"Accept-Language": "en"}
    assert (await client.get("/", headers=english)).headers["Content-Language"] == "zh-Hans"


@pytest.mark.parametrize("form", [{"language": "xx"}, {"theme": "pink"}, {}, {"language": ""}])
async def test_what_is_no_choice_changes_nothing(form: dict[str, str], app: Quart) -> None:
    answer = await app.test_client().post("/preferences", form=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example/", "/\\evil.example"])
async def test_a_choice_leads_to_no_other_site(address: str, app: Quart) -> None:
    form = {"theme": "dark", "next": address}
    answer = await app.test_client().post("/preferences", form=form)
    assert answer.headers["Location"] == "/"


async def test_an_odd_cookie_is_no_choice(app: Quart) -> None:
    headers = {"Cookie": "language=../../etc; theme=pink", "Accept-Language": "zh"}
    answer = await app.test_client().get("/", headers=headers)
    assert answer.headers["Content-Language"] == "zh-Hans"
    assert "data-bs-theme" not in await answer.get_data(as_text=True)


async def test_numbers_dates_and_texts_are_in_the_language(app: Quart) -> None:
    at = datetime(2026, 11, 22, 21, 5, 7, tzinfo=UTC)
    async with app.test_request_context("/", headers={"Accept-Language": "zh"}):
        assert language_tag() == "zh-Hans"
        assert number(1234567.5) == "1,234,567.5"
        assert date_text(at) == "2026年11月22日 21:05:07 UTC"
        assert date_text(date(2026, 1, 2)) == "2026年1月2日"
        assert gettext("Sign out") == read("zh_Hans")["Sign out"].string != "Sign out"
        assert told(Refusal("unheard-of", "Nobody knows %(what)s.", what="x")) == "Nobody knows x."
    async with app.test_request_context("/"):
        assert date_text(date(2026, 1, 2)) == "Jan 2, 2026"
        assert ngettext("%(num)s x", "%(count)s xs", 1) == "1 x"
        assert ngettext("%(num)s x", "%(count)s xs", 2) == "2 xs"


async def test_outside_of_a_request_it_is_english() -> None:
    assert gettext("Sign out") == "Sign out"


def test_a_moment_for_programs_is_in_utc() -> None:
    east = timezone(timedelta(hours=8))
    assert iso(datetime(2026, 11, 22, 6, 0, 0, 5, tzinfo=east)) == "2026-11-21T22:00:00Z"
    assert iso(datetime(2026, 11, 22, 6, 0, 0)) == "2026-11-22T06:00:00Z"  # noqa: DTZ001
