"""Requests for the sections on the two tables: houses listed and paged, and a login."""

import json
from typing import Any

from tests.lessons.originals.memory import Memory
from tests.lessons.originals.scenario import (
    FORM,
    JSON,
    Expect,
    House,
    Late,
    Part,
    Scenario,
    Step,
    addresses,
    as_json,
    every_method,
    form,
    get,
    parts,
    sent,
    signed_session,
    story,
)
from tests.lessons.originals.setup import PRINTED_KEYS
from tests.lessons.originals.table_forms import not_json

# 45 rows whose ids sort as they were made; every third one has the same name.
HOUSES: tuple[House, ...] = tuple(
    (
        f"h{number:03}",
        f"no-{number}",
        "三里屯" if number % 3 == 0 else f"楼盘{number}",
        f"路{number}号",
    )
    for number in range(45)
)
ODD_HOUSES: tuple[House, ...] = (
    ("a", None, None, None),
    ("b", "", "", ""),
    ("c", "<b>", "<script>", "&amp;"),
    ("d", "😀", "5", "x" * 256),
    ("e/f g", "no", "A", "b"),
    ("e1", "no", "a", "b"),
)

HOUSES_LIST = [
    every_method("/", houses=HOUSES),
    story("no house", get("/", status=200)),
    story("every house", get("/", status=200), houses=HOUSES),
    story("odd houses", get("/", status=200), houses=ODD_HOUSES),
    story("a query string makes no difference", get("/?page=2&per_page=3"), houses=HOUSES),
    addresses("other addresses", "/x", "/houses", "//"),
]

BAD_NUMBER = (Expect(400, message=True),)


def _page(query: str = "", /, **sent_values: Any) -> Step:
    return as_json(f"/{query}", sent_values, status=200)


def _refused(key: str, value: Any, *others: Expect, original: int = 500) -> Step:
    return as_json(
        "/", {key: value}, instead=(Expect(400, message=True, original=original), *others)
    )


def _as_number(key: str, text: str) -> Step:
    """Return a text where a number belongs: refused, or read as the number that it spells."""
    page, size = (int(text), 20) if key == "page" else (1, int(text))
    answer = {
        "users": [_shown(house) for house in HOUSES[(page - 1) * size : page * size]],
        "total_pages": -(-len(HOUSES) // size),
        "current_page": page,
    }
    return as_json("/", {key: text}, instead=(*BAD_NUMBER, Expect(200, json=answer)))


def _shown(house: House) -> dict[str, str | None]:
    return dict(zip(("id", "projectNo", "projectName", "projectAddress"), house, strict=True))


def _empty(page: int, pages: int) -> Expect:
    return Expect(200, json={"users": [], "total_pages": pages, "current_page": page})


def _number_cases(key: str) -> list[Step]:
    huge = 10**30
    return [
        *(_refused(key, value) for value in ("abc", "", "1.5", " ", "１x", [], [1], {}, {"a": 1})),
        _as_number(key, "2"),
        _as_number(key, "3"),
    ] + (
        # Past the end, as far as that goes: nobody keeps so many rows.
        [_refused(key, huge, _empty(huge, 3)), _refused(key, 10**18, _empty(10**18, 3))]
        if key == "page"
        else [_refused(key, huge, Expect(200))]
    )


HOUSES_PAGE = [
    every_method("/", houses=HOUSES, wording="free"),
    *not_json("/", json.dumps({"page": 2, "size": 3}), houses=HOUSES),
    story("no house at all", _page(), _page(page=1, size=5), _page(page=2), _page(name="x")),
    story(
        "page by page",
        _page(page=1, size=10),
        _page(page=2, size=10),
        _page(page=5, size=10),
        _page(page=6, size=10),
        _page(page=9999, size=10),
        _page(page=1, size=45),
        _page(page=1, size=44),
        _page(page=2, size=44),
        _page(page=1, size=1),
        _page(page=45, size=1),
        _page(page=1, size=1000),
        _page(page=1, size=10**6),
        houses=HOUSES,
    ),
    story(
        "what is not given",
        _page(),
        _page(page=2),
        _page(size=7),
        _page(page=None, size=None, name=None),
        _page(page=None, size=3),
        _page(more="x", page=1),
        _page(Page=2, Size=3),
        houses=HOUSES,
    ),
    story(
        "pages and sizes below one are the first page and twenty rows",
        *(_page(page=page) for page in (0, -1, -(10**30))),
        *(_page(size=size) for size in (0, -1, -(10**30))),
        _page(page=0, size=0),
        _page(page=-5, size=3),
        houses=HOUSES,
    ),
    story(
        "the query string counts where the body is silent",
        _page("?page=2&per_page=3"),
        _page("?page=2&per_page=3", page=1),
        _page("?page=2&per_page=3", size=5),
        _page("?page=2&per_page=3", page=1, size=5),
        _page("?page=2&per_page=3", page=None, size=None),
        _page("?page=2&size=3"),
        _page("?page=abc"),
        _page("?page=1.5&per_page="),
        _page("?page=&per_page=x"),
        _page("?page=0&per_page=-1"),
        _page("?page=2&page=3"),
        _page("?page=%202%20"),
        _page("?page=%EF%BC%92"),
        _page("?page=%2B2"),
        _page("?page=1_0&per_page=2"),
        _page("?per_page=1000"),
        _page("?name=x"),
        houses=HOUSES,
    ),
    story(
        "huge numbers in the query string",
        as_json("/?page=" + "9" * 30, {}, instead=(*BAD_NUMBER, _empty(int("9" * 30), 3))),
        as_json("/?per_page=" + "9" * 30, {}, instead=(*BAD_NUMBER, Expect(200))),
        as_json("/?page=" + "9" * 5000, {}),
        houses=HOUSES,
    ),
    story("pages that are no number", *_number_cases("page"), houses=HOUSES),
    story("sizes that are no number", *_number_cases("size"), houses=HOUSES),
    story(
        "numbers that are not whole",
        # SQLite counts with them, the tutorial's own database refused them.
        _refused("page", 1.5, original=200),
        _refused("size", 2.5, original=200),
        sent("POST", "/", b'{"page": NaN}', JSON, instead=BAD_NUMBER),
        sent("POST", "/", b'{"size": 1e400}', JSON, instead=BAD_NUMBER),
        houses=HOUSES,
    ),
    story(
        "true is no number, though Python counts with it",
        _refused("page", True, Expect(200, original=200), original=200),
        _refused("size", True, Expect(200, original=200), original=200),
        # False is below one, and both sides may take it for that.
        _refused("page", False, Expect(200, original=200), original=200),
        houses=HOUSES,
    ),
    story(
        "houses of one name",
        _page(name="三里屯"),
        _page(name="三里屯", page=2, size=4),
        _page(name="三里屯", page=9, size=4),
        _page(name="楼盘1"),
        _page(name="楼盘"),
        _page(name="楼盘%"),
        _page(name="楼盘_"),
        _page(name=" 三里屯"),
        _page(name="' OR '1'='1"),
        _page(name="x" * 5000),
        _page(name="\x00"),
        houses=HOUSES,
    ),
    story(
        "no name is any name",
        _page(name=""),
        _page(name=None),
        _page(size=2, name=""),
        houses=HOUSES,
    ),
    story(
        "empty values that are no text",
        _page(name=0),
        _page(name=False),
        _page(name=[]),
        houses=HOUSES,
    ),
    story(
        "names that are no text",
        # On the tutorial's own database these were errors or comparisons of numbers.
        _refused("name", ["三里屯"]),
        _refused("name", {"a": 1}),
        _refused("name", 5, Expect(200, original=200), original=200),
        _refused("name", True, Expect(200, original=200), original=200),
        houses=HOUSES,
    ),
    story(
        "odd houses", _page(), _page(name="A"), _page(name="a"), _page(name="5"), houses=ODD_HOUSES
    ),
    story(
        "JSON that is no object",
        *(as_json("/", value, instead=BAD_NUMBER) for value in ([], [1], "page", 1, None, True)),
        houses=HOUSES,
    ),
    story(
        "a key sent twice: the last one counts",
        sent("POST", "/", b'{"page": 1, "page": 2, "size": 3}', JSON, status=200),
        houses=HOUSES,
    ),
    addresses("other addresses", "/x", "/1"),
]

LABELS = ("用户名:", "密码:")
RIGHT = {"username": "admin", "password": "123456"}
PEOPLE = (("admin", "123456"), ("用户", "密码 ü"), ("tom", "tom"))


def _tampered(memory: Memory) -> str:
    """Return the login's cookie with one character changed."""
    ((name, value),) = ((name, text) for (name, _), text in memory.jar.cookies.items())
    middle = len(value) // 3
    other = "A" if value[middle] != "A" else "B"
    return f"{name}={value[:middle]}{other}{value[middle + 1 :]}"


_stale: Late = lambda memory: "; ".join(  # noqa: E731
    f"{name}=x.y.z" for name, _ in memory.jar.cookies
)


def _wrong(username: str, password: str) -> Step:
    return form("/login", {"username": username, "password": password}, says=LABELS, status=200)


LOGIN_DB: list[Scenario] = [
    every_method("/login"),
    every_method("/dashboard"),
    every_method("/logout"),
    story("the form", get("/login", says=LABELS, status=200)),
    story(
        "in and out again",
        get("/dashboard", says=("Unauthorized",), status=401),
        form("/login", RIGHT, status=302),
        get("/dashboard", status=200),
        Step("HEAD", "/dashboard", status=200),
        get("/login", says=LABELS, status=200),
        get("/dashboard", status=200),
        get("/logout", status=302),
        get("/dashboard", status=401),
        get("/logout", status=401),
    ),
    story(
        "other people",
        form("/login", {"username": "用户", "password": "密码 ü"}, status=302),
        get("/dashboard", status=200),
        form("/login", {"username": "tom", "password": "tom"}, status=302),
        get("/dashboard", status=200),
        admins=PEOPLE,
    ),
    story(
        "wrong logins",
        _wrong("admin", "x"),
        _wrong("admin", ""),
        _wrong("", "123456"),
        _wrong("", ""),
        _wrong("tom", "123456"),
        _wrong("admin ", "123456"),
        _wrong("ADMIN", "123456"),
        _wrong("admin", "123456 "),
        _wrong("' OR 1=1 --", "x"),
        _wrong("admin\x00", "123456"),
        _wrong("admin", "x" * 5000),
        _wrong("x" * 5000, "123456"),
        sent("POST", "/login", b"username=%FF&password=%FE", FORM, says=LABELS, status=200),
        get("/dashboard", status=401),
    ),
    story("nobody has an account", _wrong("admin", "123456"), admins=()),
    story(
        "a wrong login leaves the old one alone",
        form("/login", RIGHT, status=302),
        _wrong("admin", "x"),
        get("/dashboard", status=200),
    ),
    story(
        "fields that are missing",
        sent("POST", "/login", b"username=admin", FORM, status=400),
        sent("POST", "/login", b"password=123456", FORM, status=400),
        sent("POST", "/login", b'{"username": "admin", "password": "123456"}', JSON, status=400),
        Step("POST", "/login?username=admin&password=123456", status=400),
        Step("POST", "/login", status=400),
    ),
    story(
        "a multipart login",
        parts("/login", Part("username", b"admin"), Part("password", b"123456"), status=302),
        get("/dashboard", status=200),
    ),
    story(
        "nobody is sent elsewhere",
        form("/login?next=//evil.example", {**RIGHT, "next": "//evil.example"}, status=302),
        get("/logout?next=//evil.example", status=302),
    ),
    story(
        "OPTIONS and POST log nobody out",
        form("/login", RIGHT, status=302),
        Step("OPTIONS", "/logout", status=200),
        Step("POST", "/logout", status=405),
        get("/dashboard", status=200),
    ),
    story(
        "HEAD logs out as GET does",
        form("/login", RIGHT, status=302),
        Step("HEAD", "/logout", status=302),
        get("/dashboard", status=401),
    ),
    story(
        "a cookie that was changed",
        form("/login", RIGHT, status=302),
        get("/dashboard", headers={"Cookie": _tampered}, status=401),
        get("/dashboard", headers={"Cookie": _stale}, status=401),
        get("/logout", headers={"Cookie": _tampered}, status=401),
        get("/dashboard", status=200),
    ),
    story(
        "cookies that were signed elsewhere",
        *(
            get("/dashboard", headers={"Cookie": f"session={cookie}"}, status=401)
            for cookie in (
                signed_session({"_user_id": "1", "_fresh": True}, PRINTED_KEYS["login-db"]),
                signed_session({"_user_id": "1", "_fresh": True}, ""),
                "x",
                "",
            )
        ),
    ),
    addresses("other addresses", "/", "/login/", "/dashboard/", "/logout/", "/x", "//login"),
]
