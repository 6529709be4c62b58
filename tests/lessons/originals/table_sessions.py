"""Requests for the sections that remember: cookies, sessions, errors, flashed messages."""

from tests.lessons.originals.memory import Memory
from tests.lessons.originals.scenario import (
    FORM,
    JSON,
    Expect,
    Late,
    Part,
    Scenario,
    Step,
    addresses,
    every_method,
    form,
    get,
    parts,
    sent,
    signed_session,
    story,
)
from tests.lessons.originals.setup import PRINTED_KEYS

NO_COOKIE = (Expect(404), Expect(200))


def _cookie(value: str) -> Step:
    return get("/get_cookie", headers={"Cookie": value})


def _escaped(cookie: str, seen: str) -> Step:
    # The original puts the value into HTML as it is.
    return get(
        "/get_cookie", headers={"Cookie": cookie}, instead=(Expect(200, text=seen, original=200),)
    )


COOKIES = [
    every_method("/set_cookie"),
    every_method("/get_cookie", {"GET": NO_COOKIE, "HEAD": NO_COOKIE}),
    every_method("/del_cookie"),
    story(
        "a cookie's life",
        get("/get_cookie", instead=NO_COOKIE),
        get("/set_cookie", exactly="set success", status=200),
        get("/get_cookie", exactly="zhouzhiwengang", status=200),
        get("/set_cookie", exactly="set success", status=200),
        get("/del_cookie", exactly="del success", status=200),
        get("/get_cookie", instead=NO_COOKIE),
        get("/del_cookie", exactly="del success", status=200),
    ),
    story(
        "cookies that others set",
        _cookie("username=tom"),
        _cookie("other=1; username=tom; more=2"),
        _cookie("username=tom; username=bob"),
        _cookie("username=a=b=c"),
        _cookie("username=%E4%BD%A0"),
        _cookie("username=你好"),
        _cookie('username="a quoted value"'),
        _cookie('username="a\\073b\\054c"'),
        _cookie("username=a,b"),
        _cookie(" username = tom "),
        _cookie("username=tom;"),
        _cookie("username=" + "x" * 3000),
        _cookie("username=\udcff"),
        _cookie("username="),
        _cookie("junk; username=tom"),
    ),
    story(
        "cookies that are HTML",
        _escaped("username=<b>x</b>", "<b>x</b>"),
        _escaped("username=<script>alert(1)</script>", "<script>alert(1)</script>"),
        _escaped("username=a&b", "a&b"),
        _escaped('username="it\'s \\"x\\""', 'it\'s "x"'),
    ),
    story(
        "cookies of another name",
        *(
            get("/get_cookie", headers={"Cookie": value}, instead=NO_COOKIE)
            for value in ("Username=x", "user=x", "", ";;;", "=x", "username2=x", 'username="half')
        ),
    ),
    story(
        "a cookie without a value",
        _cookie("username"),
        get("/get_cookie", headers={"Cookie": "username;"}),
    ),
    addresses("other addresses", "/", "/set_cookie/", "/get_cookie/x", "//del_cookie"),
]

RIGHT = {"username": "admin", "password": "123456"}
OUT = ("您暂未登录,", "点击这里登录")
IN = ("登录用户名是:admin", "点击这里注销")
LABELS = ("用户名:", "密码:")


def _changed(change: str) -> Late:
    """Return the session cookie of this browser, changed."""

    def header(memory: Memory) -> str:
        (value,) = (text for (name, _), text in memory.jar.cookies.items() if name == "session")
        payload, stamp, signature = value.rsplit(".", 2)
        changed = {
            "payload": f"{payload[:-1]}{'A' if payload[-1] != 'A' else 'B'}.{stamp}.{signature}",
            "stamp": f"{payload}.{stamp[::-1]}.{signature}",
            "signature": f"{payload}.{stamp}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
            "cut": value[:-5],
            "unsigned": payload,
            "quoted": f'"{value}"',
            "twice": f"{value}; session=x",
            "second": f"x; session={value}",
        }
        return "session=" + changed[change]

    return header


def forged(section: str, value: dict[str, object], says: tuple[str, ...]) -> Scenario:
    """Return a visit with cookies that this application did not sign."""
    keys = (PRINTED_KEYS[section], "", "another key")
    cookies = [signed_session(value, key) for key in keys]
    odd = ("x", "", "..", "a.b.c", "eyJ1c2VybmFtZSI6ImFkbWluIn0", ".eJx", "你", "%00", "x" * 5000)
    return story(
        "cookies that were signed elsewhere",
        *(
            get("/", headers={"Cookie": f"session={cookie}"}, says=says, hides=IN, status=200)
            for cookie in (*cookies, *odd)
        ),
    )


def _remembering(section: str, refused: dict[str, object]) -> list[Scenario]:
    """Return the requests of both sections; `refused` is what a wrong login comes to."""
    return [
        every_method("/", says=()),
        every_method("/login"),
        every_method("/logout"),
        story("nobody is logged in", get("/", says=OUT, hides=IN, status=200)),
        story("the form", get("/login", says=LABELS, status=200)),
        story(
            "in and out again",
            form("/login", RIGHT, status=302),
            get("/", says=IN, hides=OUT, status=200),
            get("/login", says=LABELS, status=200),
            get("/", says=IN, status=200),
            form("/login", RIGHT, status=302),
            Step("HEAD", "/", status=200),
            get("/logout", status=302),
            get("/", says=OUT, hides=IN, status=200),
            get("/logout", status=302),
        ),
        story("nobody logs out", get("/logout", status=302), get("/", says=OUT, status=200)),
        story(
            "HEAD logs out as GET does",
            form("/login", RIGHT, status=302),
            Step("HEAD", "/logout", status=302),
            get("/", says=OUT, status=200),
        ),
        story(
            "OPTIONS logs nobody out",
            form("/login", RIGHT, status=302),
            Step("OPTIONS", "/logout", status=200),
            Step("POST", "/logout", status=405),
            get("/", says=IN, status=200),
        ),
        story(
            "wrong logins",
            *(
                form("/login", {**RIGHT, **wrong}, **refused)
                for wrong in (
                    {"username": ""},
                    {"password": ""},
                    {"username": "Admin"},
                    {"password": "123456 "},
                    {"username": "<b>用户</b>"},
                    {"username": "admin\x00"},
                )
            ),
            sent("POST", "/login", b"username=%FF&password=%FE", FORM, **refused),
            get("/", says=OUT, status=200),
        ),
        story(
            "a wrong login changes nothing",
            form("/login", RIGHT, status=302),
            form("/login", {"username": "x", "password": "y"}, **refused),
            sent("POST", "/login", b"", FORM, status=400),
            get("/", says=IN, status=200),
        ),
        story(
            "fields that are missing",
            sent("POST", "/login", b"username=admin", FORM, status=400),
            sent("POST", "/login", b"password=123456", FORM, status=400),
            sent("POST", "/login", b"user=admin&password=123456", FORM, status=400),
            sent("POST", "/login", b"username=admin&password=123456", None, status=400),
            sent(
                "POST", "/login", b'{"username": "admin", "password": "123456"}', JSON, status=400
            ),
            Step("POST", "/login?username=admin&password=123456", status=400),
            Step("POST", "/login", status=400),
        ),
        story(
            "logins of other shapes",
            parts("/login", Part("username", b"admin"), Part("password", b"123456"), status=302),
            form("/login?next=http://evil.example/", {**RIGHT, "next": "//evil"}, status=302),
        ),
        story(
            "a cookie that was changed",
            form("/login", RIGHT, status=302),
            *(
                get("/", headers={"Cookie": _changed(how)}, says=OUT, hides=IN, status=200)
                for how in ("payload", "stamp", "signature", "cut", "unsigned")
            ),
            get("/logout", headers={"Cookie": _changed("signature")}, status=302),
            *(get("/", headers={"Cookie": _changed(how)}) for how in ("quoted", "twice")),
            # Flask knows the first cookie of a name alone. A lesson shares the name with the
            # whole site, so it may look for its own among them.
            get("/", headers={"Cookie": _changed("second")}, instead=(Expect(200, original=200),)),
        ),
        forged(section, {"username": "admin"}, OUT),
        addresses("other addresses", "/login/", "/logout/", "/x", "//", "/?username=admin"),
    ]


SESSION = _remembering("session", {"says": LABELS, "status": 200})
ERRORS = _remembering("errors", {"says": ("Unauthorized",), "status": 401})

FLASH_RIGHT = {"user": "admin", "password": "123456"}
EMPTY = ("Flask 消息反馈", "Welcome!", "登入")
TOLD = ("Flask 消息反馈", "登入成功", "Welcome!", "登入")
WRONG = "错误信息: 非法用户名或密码,请重新登入"

FLASH = [
    every_method("/"),
    every_method("/login"),
    story("the page", get("/", says=EMPTY, hides=("登入成功",), status=200)),
    story("the form", get("/login", says=LABELS, hides=("错误信息",), status=200)),
    story(
        "a message is shown once",
        form("/login", FLASH_RIGHT, status=302),
        get("/", says=TOLD, status=200),
        get("/", says=EMPTY, hides=("登入成功",), status=200),
    ),
    story(
        "two messages are shown together",
        form("/login", FLASH_RIGHT, status=302),
        form("/login", FLASH_RIGHT, status=302),
        get("/", says=("登入成功", "登入成功", "Welcome!"), status=200),
        get("/", says=EMPTY, hides=("登入成功",), status=200),
    ),
    story(
        "a message waits for its page",
        form("/login", FLASH_RIGHT, status=302),
        get("/login", says=LABELS, hides=("登入成功",), status=200),
        form("/login", {"user": "x", "password": "y"}, says=(WRONG,), status=200),
        Step("OPTIONS", "/", status=200),
        get("/x", status=404),
        get("/", says=TOLD, status=200),
    ),
    story(
        "HEAD takes the message away, as GET does",
        form("/login", FLASH_RIGHT, status=302),
        Step("HEAD", "/", status=200),
        get("/", says=EMPTY, hides=("登入成功",), status=200),
    ),
    story(
        "wrong logins",
        *(
            form("/login", {**FLASH_RIGHT, **wrong}, says=(WRONG, *LABELS), status=200)
            for wrong in ({"user": ""}, {"password": ""}, {"user": "Admin"}, {"user": "<b>"})
        ),
        get("/", says=EMPTY, hides=("登入成功",), status=200),
    ),
    story(
        "fields that are missing",
        sent("POST", "/login", b"user=admin", FORM, status=400),
        sent("POST", "/login", b"user=x", FORM, status=400),
        sent("POST", "/login", b"password=123456", FORM, status=400),
        sent("POST", "/login", b"username=admin&password=123456", FORM, status=400),
        sent("POST", "/login", b'{"user": "admin", "password": "123456"}', JSON, status=400),
        Step("POST", "/login", status=400),
    ),
    story(
        "messages that were signed elsewhere",
        *(
            get(
                "/",
                headers={"Cookie": f"session={cookie}"},
                says=EMPTY,
                hides=("forged",),
                status=200,
            )
            for cookie in (
                signed_session({"_flashes": [("message", "forged")]}, PRINTED_KEYS["flash"]),
                signed_session({"_flashes": [("message", "forged")]}, ""),
                "x",
                "eyJfZmxhc2hlcyI6W119",
            )
        ),
    ),
    addresses("other addresses", "/login/", "/logout", "/x", "//"),
]
