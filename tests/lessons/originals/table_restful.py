"""Requests for the section on Flask-RESTful."""

import json
from typing import Any

from tests.lessons.originals.scenario import (
    FORM,
    JSON,
    Expect,
    House,
    Scenario,
    Step,
    addresses,
    as_json,
    every_method,
    form,
    get,
    sent,
    story,
)
from tests.lessons.originals.table_forms import not_json

ROW: House = ("h1", "no-1", "三里屯", "路1号")
HOUSE = {"id": "h2", "projectNo": "no-2", "projectName": "楼盘", "projectAddress": "路2号"}
KEYS = tuple(HOUSE)
NO_TEXTS: tuple[dict[str, Any], ...] = (
    {"projectNo": 5},
    {"projectName": 1.5},
    {"projectAddress": True},
    {"id": 7},
)

# One resource claims every method under both addresses; where the view cannot take the
# address, the original fails. (A list at GET /user will do, and then HEAD goes with it.)
ON_ONE = frozenset({"GET", "DELETE"})
ON_ALL = frozenset({"POST"})
NOT_ON_ALL = (Expect(405, message=True, allow=ON_ALL),)
NOT_ON_ONE = (Expect(405, message=True, allow=ON_ONE),)
REFUSED = (Expect(400, message=True),)


def _options(allow: frozenset[str]) -> tuple[Expect, ...]:
    return (Expect(200, allow=allow, original=200),)


def _others(allow: frozenset[str]) -> dict[str, tuple[Expect, ...]]:
    refused = (Expect(405, message=True, allow=allow, original=405),)
    return dict.fromkeys(("PUT", "PATCH", "TRACE", "BREW"), refused)


def _posted(original: int = 500, **changed: Any) -> Step:
    value = {key: entry for key, entry in (HOUSE | changed).items() if entry is not ...}
    return as_json("/user", value, instead=(Expect(400, message=True, original=original),))


def _without(*keys: str) -> Step:
    left = {key: value for key, value in HOUSE.items() if key not in keys}
    return as_json("/user", left, instead=(Expect(400, message=True, naming=keys),))


def _made(house_id: str, **changed: Any) -> tuple[Step, Step]:
    """Return a house that is put in, and the same house asked for."""
    value = HOUSE | changed | {"id": house_id}
    return as_json("/user", value, status=201), get(f"/user/{house_id}", status=200)


RESTFUL: list[Scenario] = [
    every_method(
        "/user",
        {
            "GET": (*NOT_ON_ALL, Expect(200)),
            "HEAD": (Expect(405, allow=ON_ALL), Expect(200)),
            "DELETE": NOT_ON_ALL,
            "OPTIONS": _options(ON_ALL),
            **_others(ON_ALL),
        },
        houses=[ROW],
        wording="free",
    ),
    every_method(
        "/user/h1",
        {"POST": NOT_ON_ONE, "OPTIONS": _options(ON_ONE), **_others(ON_ONE)},
        houses=[ROW],
    ),
    every_method(
        "/user/nobody", {"POST": NOT_ON_ONE, "OPTIONS": _options(ON_ONE), **_others(ON_ONE)}
    ),
    story(
        "a house's life",
        get("/user/h2", status=404),
        as_json("/user", HOUSE, status=201),
        get("/user/h2", status=200),
        Step("HEAD", "/user/h2", status=200),
        Step("DELETE", "/user/h2", status=200),
        get("/user/h2", status=404),
        Step("DELETE", "/user/h2", status=404),
        as_json("/user", HOUSE, status=201),
    ),
    story("a house of the table", get("/user/h1", status=200), houses=[ROW]),
    story(
        "what the client wants to read makes no difference",
        *(
            get("/user/h1", headers={"Accept": kind})
            for kind in (
                "text/html",
                "application/json",
                "*/*",
                "image/png",
                "",
                "application/xml;q=0",
            )
        ),
        houses=[ROW],
    ),
    story(
        "a house without anything",
        get("/user/a", status=200),
        Step("DELETE", "/user/a", status=200),
        houses=[("a", None, None, None)],
    ),
    story(
        "ids of every kind",
        *(
            step
            for raw in ("a b", "你好", "a?b", "%", "<b>", "..", "'", "😀")
            for step in (
                as_json("/user", HOUSE | {"id": raw}, status=201),
                get("/user/" + "".join(f"%{byte:02X}" for byte in raw.encode()), status=200),
                Step(
                    "DELETE",
                    "/user/" + "".join(f"%{byte:02X}" for byte in raw.encode()),
                    status=200,
                ),
            )
        ),
        get("/user/%FF", status=404),
        get("/user/" + "x" * 3000, status=404),
        Step("DELETE", "/user/" + "x" * 3000, status=404),
        get("/user/%00", status=404),
        get("/user/H1", status=404),
        get("/user/h1%20", status=404),
        houses=[ROW],
    ),
    story(
        "values at the limits of their columns",
        *_made("x" * 64),
        *_made("no", projectNo="x" * 128),
        *_made("name", projectName="名" * 256),
        *_made("address", projectAddress="😀" * 256),
        *_made("empty", projectNo="", projectName="", projectAddress=""),
        *_made("html", projectNo="<b>", projectName="&", projectAddress="\"'\\"),
    ),
    story(
        "null where the columns take it",
        *_made("n", projectNo=None, projectName=None, projectAddress=None),
    ),
    story(
        "an id that exists",
        as_json("/user", HOUSE | {"id": "h1"}, instead=(Expect(409, message=True),)),
        get("/user/h1", status=200),
        houses=[ROW],
    ),
    story(
        "keys that are missing",
        *(_without(key) for key in KEYS),
        _without("id", "projectAddress"),
        _without("projectNo", "projectName"),
        _without(*KEYS),
        as_json(
            "/user",
            {"ID": "x", "project_no": "x"},
            instead=(Expect(400, message=True, naming=KEYS),),
        ),
        get("/user/h2", status=404),
    ),
    story(
        "more than asked for",
        as_json("/user", HOUSE | {"more": 1, "project_no": "x"}, status=201),
        get("/user/h2", status=200),
    ),
    story(
        "a key sent twice: the last one counts",
        sent("POST", "/user", json.dumps(HOUSE)[:-1].encode() + b', "id": "h3"}', JSON, status=201),
        get("/user/h3", status=200),
        get("/user/h2", status=404),
    ),
    story(
        "values that the table cannot hold",
        # SQLite itself takes what is too long; the tutorial's table does not.
        _posted(201, id="i" * 65),
        _posted(201, id="l1", projectNo="x" * 129),
        _posted(201, id="l2", projectName="x" * 257),
        _posted(201, id="l3", projectAddress="x" * 257),
        _posted(500, id=None),
        *(_posted(500, id=value) for value in (["x"], {"a": 1})),
        *(_posted(500, projectName=value) for value in (["x"], {"a": 1})),
        get("/user/" + "i" * 64, status=404),
    ),
    story(
        "numbers where texts belong",
        # The tutorial's database would take them for texts; refusing them is as good.
        *(
            as_json(
                "/user",
                HOUSE | {"id": f"n{place}"} | changed,
                instead=(Expect(400, message=True, original=201), Expect(201, original=201)),
            )
            for place, changed in enumerate(NO_TEXTS)
        ),
    ),
    story(
        "JSON that is no object",
        *(
            as_json("/user", value, instead=REFUSED)
            for value in ([], [HOUSE], "id", 1, None, True, "")
        ),
    ),
    *not_json("/user", json.dumps(HOUSE), houses=[("h2", None, None, None)])[:3],
    *(
        story(
            f"JSON as {kind}",
            sent("POST", "/user", json.dumps(HOUSE).encode(coding), kind, status=201),
            get("/user/h2", status=200),
        )
        for kind, coding in (
            ("application/json; charset=latin-1", "utf-8"),
            ("application/vnd.api+json", "utf-8"),
            ("APPLICATION/JSON", "utf-16"),
        )
    ),
    story(
        "a form is no JSON",
        form("/user", HOUSE, status=415, wording="free"),
        sent("POST", "/user?id=1", b"id=h2", FORM, status=415, wording="free"),
    ),
    story(
        "a body where none belongs",
        sent("GET", "/user/h1", b"{", JSON, status=200),
        sent("DELETE", "/user/h1", b"{", JSON, status=200),
        houses=[ROW],
    ),
    addresses(
        "other addresses",
        "/",
        "/user/",
        "/user//",
        "/user/h1/",
        "/user/h1/x",
        "/user/a%2Fb",
        "/users",
        houses=[ROW],
    ),
    addresses("doubled slashes", "//user/h1", "/user//h1", houses=[ROW]),
]
