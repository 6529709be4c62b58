"""Whatever stands in a body: it is taken as it is, or refused with the place named."""

from __future__ import annotations

from typing import Any

import pytest
from quart import Quart

from tests.web.api.conftest import Api

LIMITS = {"id": 64, "projectNo": 128, "projectName": 256, "projectAddress": 256}
FIELDS = list(LIMITS)

TAKEN = {
    "emoji": "💥👩‍👩‍👧",
    "right to left": "\u202eأهلا\u200f",
    "markup": "<script>alert('x')</script>&amp;",
    "SQL": "'; DROP TABLE base_house; --",
    "template": "{{ 7 * 7 }} %s %(x)s ${x}",
    "control characters": "\x01\t\r\n\x7f\x85",
    "spaces": "  ",
    "private use": "\ue000\U0010ffff",
    "not normal": "e\u0301",
}

REFUSED: dict[str, tuple[Any, str]] = {
    "a number": (1, "wrong-type"),
    "a truth value": (True, "wrong-type"),
    "a list": (["x"], "wrong-type"),
    "an object": ({"x": "y"}, "wrong-type"),
    "NUL": ("a\0b", "nul"),
}


@pytest.mark.parametrize("field", FIELDS)
async def test_texts_come_back_exactly_as_they_were_sent(api: Api, field: str) -> None:
    for what, text in {**TAKEN, "longest": "福" * LIMITS[field]}.items():
        made = await api.post("/houses", json={field: text})
        assert made.status_code == 201, what
        again = await api.get(made.headers["Location"].removeprefix("/api/v1"))
        assert (await again.get_json())[field] == text, what


@pytest.mark.parametrize("field", FIELDS)
async def test_values_that_cannot_be_taken_are_named(api: Api, field: str) -> None:
    rows = REFUSED | {
        "too long": ("x" * (LIMITS[field] + 1), "too-long"),
        "ten thousand emoji": ("💥" * 10_000, "too-long"),
    }
    if field == "id":
        rows["empty"] = ("", "empty")
    for what, (value, code) in rows.items():
        answer = await api.post("/houses", json={field: value})
        assert answer.status_code == 422, what
        [error] = (await answer.get_json())["errors"]
        assert (error["pointer"], error["code"]) == (f"/{field}", code), what


async def test_all_that_is_wrong_is_told_at_once(api: Api) -> None:
    body = {"id": "", "projectNo": 1, "projectName": "\0", "x/y~": None, "project_no": "x"}
    answer = await api.post("/houses", json=body)

    errors = {each["pointer"]: each["code"] for each in (await answer.get_json())["errors"]}
    assert errors == {
        "/id": "empty",
        "/projectNo": "wrong-type",
        "/projectName": "nul",
        "/x~1y~0": "unknown",
        "/project_no": "unknown",
    }


async def test_more_unknown_names_than_anybody_reads_are_cut_short(api: Api) -> None:
    answer = await api.post("/houses", json={f"n{number}": 1 for number in range(20_000)})

    assert answer.status_code == 422
    assert len((await answer.get_json())["errors"]) == 100


MALFORMED: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 400),
    "half": (b'{"projectNo": "x"', 400),
    "not UTF-8": (b'{"projectNo": "\xff"}', 400),
    "UTF-16": ('{"projectNo": "x"}'.encode("utf-16"), 400),
    "with a mark": (b"\xef\xbb\xbf{}", 400),
    "half of a pair": (b'{"projectNo": "\\ud800"}', 400),
    "half of a pair as a name": (b'{"\\udc00": 1}', 400),
    "a name twice": (b'{"projectNo": "x", "projectNo": "y"}', 400),
    "NaN": (b'{"projectNo": NaN}', 400),
    "Infinity": (b'{"projectNo": -Infinity}', 400),
    "deep": (b"[" * 100_000, 400),
    "a number of ten thousand digits": (b'{"projectNo": ' + b"1" * 10_000 + b"}", 400),
    "two documents": (b"{}{}", 400),
    "single quotes": (b"{'projectNo': 'x'}", 400),
    "a list": (b"[]", 422),
    "a text": (b'"x"', 422),
    "null": (b"null", 422),
    "a number": (b"1e999", 422),
    "ten megabytes": (b'{"projectNo": "' + b"x" * 10 * 2**20 + b'"}', 413),
    "more than any body": (b"x" * (17 * 2**20), 413),
}
BODIES = [("POST", "/houses"), ("PUT", "/houses/h"), ("PATCH", "/houses/h")]


@pytest.mark.parametrize(("method", "path"), BODIES)
async def test_a_body_that_is_no_document_is_refused(api: Api, method: str, path: str) -> None:
    await api.post("/houses", json={"id": "h", "projectNo": "as it was"})

    for what, (data, status) in MALFORMED.items():
        headers = {"Content-Type": "application/json"}
        answer = await api.open(path, method=method, data=data, headers=headers)
        assert answer.status_code == status, what
        assert (await answer.get_json())["detail"]
    kept = await (await api.get("/houses/h")).get_json()
    assert (kept["version"], kept["projectNo"]) == (1, "as it was")


async def test_a_body_of_another_type_is_refused(api: Api) -> None:
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "x", ""):
        answer = await api.post("/houses", data=b"{}", headers={"Content-Type": kind})
        assert answer.status_code == 415, kind


ANSWERS_TO_SIGN_IN: dict[str, tuple[Any, int]] = {
    "long": ("x" * 100_000, 401),
    "emoji": ("💥", 401),
    "NUL": ("\0", 401),
    "SQL": ("' OR 1=1 --", 401),
    "empty": ("", 401),
    "number": (1, 422),
    "null": (None, 422),
    "list": (["admin"], 422),
}


@pytest.mark.parametrize("field", ["username", "password", "device"])
async def test_nothing_but_name_and_password_signs_in(app: Quart, field: str) -> None:
    api = Api(app, "")
    for what, (value, status) in ANSWERS_TO_SIGN_IN.items():
        body = {"username": "ann", "password": "x", field: value}
        answer = await api.post("/auth/sign-in", json=body)
        wanted = status
        if what == "long" and field != "username":
            wanted = 422  # nobody's: it is not even hashed
        if what == "null" and field == "device":
            wanted = 401
        assert answer.status_code == wanted, what


async def test_a_form_has_each_field_once(app: Quart) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = b"username=ann&password=x&username=bob"
    answer = await Api(app, "").post("/auth/sign-in", data=twice, headers=headers)
    assert answer.status_code == 400
    large = b"username=ann&password=" + b"x" * 2**20
    answer = await Api(app, "").post("/auth/sign-in", data=large, headers=headers)
    assert answer.status_code == 413


NO_TOKENS = ["Bearer", "Bearer a b", "Basic YTpi", "bearer x", "Bearer " + "x" * 16_000, "Bearer ä"]


async def test_what_is_no_token_is_refused(api: Api) -> None:
    for authorization in [*NO_TOKENS, "x"]:
        answer = await api.get("/me", headers={"Authorization": authorization})

        assert answer.status_code in {400, 401}, authorization
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        code = (await answer.get_json())["code"]
        assert code in {"token-missing", "invalid-token", "invalid-request"}
