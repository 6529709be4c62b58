"""People and programs who sign in, browse, edit and sign out; each round begins with a password.

The account is admin / 123456 (of the demo) unless LOAD_USERNAME and LOAD_PASSWORD name another.
"""

from __future__ import annotations

import os
import random
from html.parser import HTMLParser
from urllib.parse import quote

from locust import HttpUser, between, task

USERNAME = os.environ.get("LOAD_USERNAME", "admin")
PASSWORD = os.environ.get("LOAD_PASSWORD", "123456")
LOOKS = 5  # at pages, in a round

# Two who edit the same house at once: one of them is told, as it should be.
SOMEBODY_WAS_FASTER = {409, 412}


class Page(HTMLParser):
    """What a person sees of a page: where its links lead, what its form holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fields: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in a link or a field."""
        found = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag == "input" and found.get("type") != "checkbox" and "name" in found:
            self.fields[found["name"]] = found.get("value", "")

    def houses(self) -> list[str]:
        """The addresses of houses on it."""
        return [link for link in self.links if link.startswith("/house/") and link.count("/") == 2]


class Person(HttpUser):
    """Somebody with a browser."""

    weight = 3
    wait_time = between(0.5, 2)

    @task
    def a_visit(self) -> None:
        """Sign in, look around, edit a house, sign out."""
        form = {"username": USERNAME, "password": PASSWORD}
        self.client.post("/login", data=form, name="sign in")
        for _ in range(LOOKS):
            houses = self._look(f"/houses?page={random.randint(1, 3)}", "list").houses()  # noqa: S311
            if houses:
                self._look(random.choice(houses), "house")  # noqa: S311
                self.wait()
        if houses:
            self._edit(random.choice(houses))  # noqa: S311
        self.client.post("/logout", name="sign out")

    def _look(self, address: str, name: str) -> Page:
        return Page(self.client.get(address, name=name).text)

    def _edit(self, house: str) -> None:
        fields = self._look(f"{house}/edit", "edit").fields
        fields["project_address"] = f"{random.randint(1, 999)} Long Street"  # noqa: S311
        with self.client.post(
            f"{house}/edit", data=fields, name="save", catch_response=True
        ) as answer:
            if answer.status_code in SOMEBODY_WAS_FASTER:
                answer.success()


class Program(HttpUser):
    """Something with a token."""

    wait_time = between(0.1, 0.5)

    @task
    def a_job(self) -> None:
        """Sign in, read, change a house, sign out."""
        who = {"username": USERNAME, "password": PASSWORD}
        tokens = self.client.post("/api/v1/auth/sign-in", json=who, name="API: sign in")
        if tokens.status_code != 200:
            return
        headers = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
        for _ in range(LOOKS):
            found = self.client.get("/api/v1/houses?size=50", headers=headers, name="API: list")
            self.wait()
        if items := found.json().get("items"):
            self._change(random.choice(items)["id"], headers)  # noqa: S311
        refresh = {"Authorization": f"Bearer {tokens.json()['refresh_token']}"}
        self.client.post("/api/v1/auth/revoke", headers=refresh, name="API: sign out")

    def _change(self, house_id: str, headers: dict[str, str]) -> None:
        # In an address a house's id is spelt with the escapes of a JSON pointer.
        spelt = quote(house_id.replace("~", "~0").replace("/", "~1"), safe="")
        address = f"/api/v1/houses/{spelt}"
        seen = self.client.get(address, headers=headers, name="API: house").headers.get("ETag", "")
        new = {"projectAddress": f"{random.randint(1, 999)} Long Street"}  # noqa: S311
        with self.client.patch(
            address,
            json=new,
            headers=headers | {"If-Match": seen},
            name="API: change",
            catch_response=True,
        ) as answer:
            if answer.status_code in SOMEBODY_WAS_FASTER:
                answer.success()
