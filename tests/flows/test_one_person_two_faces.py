"""Journeys over both faces: what is done in a browser is true for a program, and the reverse."""

from __future__ import annotations

from typing import Any

from quart import Quart

from quartapp.testing import MakeUser, User, sign_in


class Program:
    """A client of the API with tokens of its own."""

    def __init__(self, app: Quart) -> None:
        self.client = app.test_client()
        self.tokens: dict[str, Any] = {}

    async def sign_in(self, user: User) -> int:
        """Ask for tokens; the status."""
        given = {"username": user.username, "password": user.password}
        answer = await self.client.post("/api/v1/auth/sign-in", json=given)
        self.tokens = await answer.get_json()
        return answer.status_code

    async def refresh(self) -> int:
        """Ask for new tokens; the status."""
        answer = await self.client.post("/api/v1/auth/refresh", headers=self._bearer("refresh"))
        if answer.status_code == 200:
            self.tokens = await answer.get_json()
        return answer.status_code

    async def ask(self, method: str, path: str, **request: Any) -> Any:
        """Send a request with the access token."""
        headers = self._bearer("access") | request.pop("headers", {})
        return await self.client.open(f"/api/v1{path}", method=method, headers=headers, **request)

    async def status(self) -> int:
        """Whether it is still signed in."""
        return int((await self.ask("GET", "/me")).status_code)

    def _bearer(self, kind: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[f'{kind}_token']}"}


async def signed_in(app: Quart, user: User) -> Program:
    program = Program(app)
    assert await program.sign_in(user) == 200
    return program


async def test_a_house_goes_through_both_faces(app: Quart, make_user: MakeUser) -> None:
    user = await make_user()
    browser, program = await sign_in(app, user), await signed_in(app, user)

    made = await browser.post(
        "/houses/new",
        form={"id": "a/1", "project_no": "7", "project_name": "福田区", "project_address": "<b>"},
    )
    assert made.status_code == 303
    listed = await (await program.ask("GET", "/houses", query_string={"q": "福田"})).get_json()
    assert [house["id"] for house in listed["items"]] == ["a/1"]
    read = await program.ask("GET", "/houses/a~11")
    changed = await program.ask(
        "PATCH",
        "/houses/a~11",
        json={"projectName": "南山区"},
        headers={"If-Match": read.headers["ETag"]},
    )
    assert changed.status_code == 200
    page = await (await browser.get("/house/a~11")).get_data(as_text=True)
    assert "南山区" in page
    assert "&lt;b&gt;" in page
    late = await program.ask("DELETE", "/houses/a~11", headers={"If-Match": read.headers["ETag"]})
    assert late.status_code == 412
    assert (await program.ask("DELETE", "/houses/a~11")).status_code == 204
    assert (await browser.get("/house/a~11")).status_code == 404
    overview = await (await browser.get("/overview")).get_data(as_text=True)
    assert overview.count("a/1") >= 3  # made, changed, deleted


async def test_a_new_password_ends_browsers_and_programs_at_once(
    app: Quart, make_user: MakeUser
) -> None:
    user = await make_user(password="the first of them")
    here, there = await sign_in(app, user), await sign_in(app, user)
    program = await signed_in(app, user)

    changed = await here.post(
        "/account/password",
        form={"current": user.password, "new": "quite another 1", "repeat": "quite another 1"},
    )

    assert changed.status_code == 303
    assert (await here.get("/account")).status_code == 200
    assert (await there.get("/account")).status_code == 302
    assert await program.status() == 401
    assert await program.refresh() == 401
    assert await program.sign_in(user) == 401


async def test_a_program_signs_a_browser_out_and_the_reverse(
    app: Quart, make_user: MakeUser
) -> None:
    user = await make_user()
    browser, program = await sign_in(app, user), await signed_in(app, user)
    other = await signed_in(app, user)

    ended = await program.ask("DELETE", "/me/sessions")
    assert ended.status_code in {200, 204}
    assert (await browser.get("/account")).status_code == 302
    assert await other.status() == 401
    assert await program.status() == 200

    browser = await sign_in(app, user)
    assert (await browser.post("/account/sessions/end-others")).status_code == 303
    assert await program.status() == 401
    assert (await browser.get("/account")).status_code == 200


async def test_a_disabled_account_is_out_everywhere(app: Quart, make_user: MakeUser) -> None:
    admin = await sign_in(app, await make_user(admin=True))
    user = await make_user()
    browser, program = await sign_in(app, user), await signed_in(app, user)

    assert (await admin.post(f"/people/{user.id}/disable")).status_code == 303

    assert (await browser.get("/overview")).status_code == 302
    assert await program.status() == 401
    assert await program.refresh() == 401
    assert await program.sign_in(user) == 401
    form = {"username": user.username, "password": user.password}
    assert (await app.test_client().post("/login", form=form)).status_code == 401
    lesson = await app.test_client().post("/lessons/jwt/login", form=form)
    assert lesson.status_code != 200

    assert (await admin.post(f"/people/{user.id}/enable")).status_code == 303
    assert await program.sign_in(user) == 200


async def test_neither_face_takes_the_tokens_of_the_other(app: Quart, make_user: MakeUser) -> None:
    user = await make_user()
    program = await signed_in(app, user)
    form = {"username": user.username, "password": user.password}
    answer = await app.test_client().post("/lessons/jwt-refresh/login", form=form)
    lesson = await answer.get_json()

    for kind in ("access_token", "refresh_token"):
        theirs = {"Authorization": f"Bearer {lesson[kind]}"}
        assert (await app.test_client().get("/api/v1/me", headers=theirs)).status_code == 401
        refused = await app.test_client().post("/api/v1/auth/refresh", headers=theirs)
        assert refused.status_code == 401
        ours = {"Authorization": f"Bearer {program.tokens[kind]}"}
        for path in ("/lessons/jwt/dashboard", "/lessons/jwt-refresh/dashboard"):
            assert (await app.test_client().get(path, headers=ours)).status_code in {401, 422}
        refused = await app.test_client().post("/lessons/jwt-refresh/refresh", headers=ours)
        assert refused.status_code in {401, 422}


async def test_a_stolen_refresh_token_ends_the_session(app: Quart, make_user: MakeUser) -> None:
    user = await make_user()
    program = await signed_in(app, user)
    stolen = dict(program.tokens)
    assert await program.refresh() == 200
    assert await program.refresh() == 200  # the first successor is used: no grace for it any more

    thief = Program(app)
    thief.tokens = stolen

    assert await thief.refresh() == 401
    assert await program.status() == 401
    assert await program.refresh() == 401
