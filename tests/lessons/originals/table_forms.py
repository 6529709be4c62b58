"""Requests for the sections that read JSON or a form: logins, marks, files."""

import codecs
import json

from tests.lessons.originals.scenario import (
    BOUNDARY,
    FORM,
    JSON,
    Expect,
    Part,
    Scenario,
    Step,
    addresses,
    as_json,
    every_method,
    form,
    get,
    multipart,
    parts,
    sent,
    story,
)

RIGHT = {"user": "admin", "password": "123456"}
TOKEN = {"token": "abcd123456", "birthdat": "2024-04-18"}
RIGHT_JSON = json.dumps(RIGHT)

# The originals' views return nothing where the login is wrong, which Flask refuses.
REFUSED = (Expect(401, message=True),)
REFUSED_PAGE = (Expect(401, message=True), Expect(401))
NO_OBJECT = (Expect(400, message=True),)


def _missing(*names: str) -> tuple[Expect, ...]:
    return (Expect(400, message=True, naming=names),)


def not_json(path: str, good: str, **more: object) -> list[Scenario]:
    """Return what is sent where JSON belongs; `good` is a text that would be taken."""
    raw = good.encode()
    types = (None, "text/plain", FORM, "application/xml", "text/json", "application/x-json", "json")
    broken = (b"", b"{", b"{'a': 1}", raw + b"x", raw[:-1], b"\xff\xfe\xfd", b'{"user": "\xff"}')
    return [
        story(
            "bodies of other types",
            *(sent("POST", path, raw, kind, wording="free", status=415) for kind in types),
            sent("POST", path, b"", None, wording="free", status=415),
            Step("POST", path, wording="free", status=415),
            **more,  # type: ignore[arg-type]
        ),
        story(
            "bodies that are no JSON",
            *(sent("POST", path, body, JSON, wording="free", status=400) for body in broken),
            sent("POST", path, b'{"page": ' + b"9" * 5000 + b"}", JSON, wording="free", status=400),
            Step("POST", path, {"Content-Type": JSON}, wording="free", status=400),
            **more,  # type: ignore[arg-type]
        ),
        story(
            "a body that is too deep",
            # Python's parser gives up with a RecursionError, which Flask does not catch.
            sent("POST", path, b"[" * 100_000, JSON, instead=(Expect(400),)),
            **more,  # type: ignore[arg-type]
        ),
        story(
            "JSON under its other names",
            *(
                sent("POST", path, raw, kind)
                for kind in (
                    "application/json; charset=utf-8",
                    "application/json;charset=latin-1",
                    "application/json; charset=nonsense",
                    "APPLICATION/JSON",
                    "application/vnd.api+json",
                    "application/problem+json; x=y",
                )
            ),
            *(
                sent("POST", path, body, JSON)
                for body in (
                    good.encode("utf-16"),
                    good.encode("utf-16-le"),
                    good.encode("utf-32-be"),
                    codecs.BOM_UTF8 + raw,
                    b" \r\n\t" + raw + b"\n",
                )
            ),
            **more,  # type: ignore[arg-type]
        ),
    ]


LOGIN_JSON = [
    every_method("/"),
    every_method("/login", wording="free"),
    story("the page", get("/", exactly="欢迎来到主页", status=200)),
    story("the login of the tutorial", as_json("/login", RIGHT, status=200)),
    *not_json("/login", RIGHT_JSON),
    story(
        "wrong logins",
        *(
            as_json("/login", {**RIGHT, **wrong}, instead=REFUSED)
            for wrong in (
                {"user": "Admin"},
                {"user": "admin "},
                {"user": ""},
                {"password": ""},
                {"password": "1234567"},
                {"password": 123456},
                {"user": None},
                {"user": ["admin"]},
                {"password": {"a": 1}},
                {"user": "用户"},
                {"user": True},
            )
        ),
    ),
    story(
        "keys that are missing",
        # A KeyError of a dictionary is a 500 on Flask.
        as_json("/login", {"user": "admin"}, instead=_missing("password")),
        as_json("/login", {"password": "123456"}, instead=_missing("user")),
        as_json("/login", {}, instead=_missing("user", "password")),
        as_json("/login", {"User": "admin", "Password": "x"}, instead=_missing("user", "password")),
    ),
    story(
        "JSON that is no object",
        *(as_json("/login", value, instead=NO_OBJECT) for value in ([], [RIGHT], "user", 1, None)),
        *(as_json("/login", value, instead=NO_OBJECT) for value in (True, 1.5, "", ["user"])),
        sent("POST", "/login", b"NaN", JSON, instead=NO_OBJECT),
    ),
    story(
        "more than asked for",
        as_json("/login", {**RIGHT, "more": [1]}, status=200),
        sent("POST", "/login", b'{"user": "x", ' + RIGHT_JSON[1:].encode(), JSON, status=200),
        as_json("/login?user=x", RIGHT, status=200),
    ),
    story(
        "a key sent twice: the last one counts",
        sent("POST", "/login", RIGHT_JSON[:-1].encode() + b', "user": "x"}', JSON, instead=REFUSED),
    ),
    addresses("other addresses", "/login/", "/x", "//login", "/?a=b"),
]

LOGIN_FORM = [
    every_method("/"),
    every_method("/login"),
    story("the page", get("/", says=("用户名:", "密码:"), status=200)),
    story(
        "the login of the tutorial",
        form("/login", RIGHT, status=200),
        parts("/login", Part("user", b"admin"), Part("password", b"123456"), status=200),
        form("/login", {**RIGHT, "more": "x"}, status=200),
        form("/login?user=x", RIGHT, status=200),
        sent("POST", "/login", b"user=%61dmin&password=123456", FORM, status=200),
        sent(
            "POST", "/login", b"user=admin&password=123456", FORM + "; charset=latin-1", status=200
        ),
        sent("POST", "/login", b"user=admin&password=123456", FORM.upper(), status=200),
    ),
    story(
        "fields sent twice: the first one counts",
        form("/login", [("user", "admin"), ("user", "x"), ("password", "123456")], status=200),
        form(
            "/login",
            [("user", "x"), ("user", "admin"), ("password", "123456")],
            instead=REFUSED_PAGE,
        ),
    ),
    story(
        "wrong logins",
        *(
            form("/login", {**RIGHT, **wrong}, instead=REFUSED_PAGE)
            for wrong in (
                {"user": ""},
                {"password": ""},
                {"user": "Admin"},
                {"user": "admin\n"},
                {"password": " 123456"},
                {"user": "<b>"},
                {"user": "用户"},
                {"user": "x" * 10_000},
            )
        ),
        sent("POST", "/login", b"user=%FF&password=%00", FORM, instead=REFUSED_PAGE),
    ),
    story(
        "fields that are missing",
        *(
            sent("POST", "/login", body, FORM, status=400)
            for body in (
                b"",
                b"user=admin",
                b"password=123456",
                b"User=admin&Password=123456",
                b"&=",
            )
        ),
        Step("POST", "/login", status=400),
        Step("POST", "/login?user=admin&password=123456", status=400),
        sent("POST", "/login", b"user=admin&password=123456", None, status=400),
        sent("POST", "/login", b"user=admin&password=123456", "text/plain", status=400),
        sent("POST", "/login", RIGHT_JSON.encode(), JSON, status=400),
        parts("/login", Part("user", b"admin"), status=400),
        parts("/login", Part("user", b"admin", "a.txt"), Part("password", b"123456"), status=400),
        sent("POST", "/login", b"--x", "multipart/form-data", status=400),
        sent(
            "POST", "/login", multipart(), f"multipart/form-data; boundary={BOUNDARY}", status=400
        ),
    ),
    addresses("other addresses", "/login/", "/x", "//login", "/login.html"),
]

MARKS = [("Name", "张三"), ("Physics", "90"), ("Chemistry", "80"), ("Mathematics", "70")]
NOTHING_SENT = (Expect(200, rows=True), Expect(302), Expect(303))

REQUEST_FORM = [
    every_method("/"),
    every_method("/result", {"GET": NOTHING_SENT, "HEAD": NOTHING_SENT}, rows=True),
    story("the page", get("/", says=("姓名", "物理", "化学", "数学"), status=200)),
    story(
        "a form in a GET is none",
        Step("GET", "/result", {"Content-Type": FORM}, b"a=1", instead=NOTHING_SENT),
    ),
    story("the marks of a student", form("/result", MARKS, rows=True, status=200)),
    story(
        "forms of every kind",
        *(
            form("/result", fields, rows=True, status=200)
            for fields in (
                [("z", "1"), ("a", "2"), ("m", "3")],
                [("a", "1"), ("b", "2"), ("a", "3")],
                [("a", ""), ("", "b")],
                [("<b>", "<script>alert(1)</script>")],
                [('"', "'"), ("&amp;", "&lt;")],
                [("{{ 7 * 7 }}", "{% raw %}")],
                [("你好", "😀"), ("a b", "c+d")],
                [(str(number), "x") for number in range(200)],
            )
        ),
        *(
            sent("POST", "/result", body, FORM, rows=True, status=200)
            for body in (
                b"",
                b"a",
                b"a=",
                b"=",
                b"&&",
                b"a=%FF",
                b"a=%zz",
                b"a=b=c",
                b"a;b=c",
                b"\xff=1",
            )
        ),
        form("/result?q=1", {"a": "1"}, rows=True, status=200),
    ),
    story(
        "no form at all is a form without fields",
        *(
            sent("POST", "/result", b"a=1", kind, rows=True, status=200)
            for kind in (None, "text/plain", JSON, "multipart/form-data")
        ),
        Step("POST", "/result?a=1", rows=True, status=200),
    ),
    story(
        "multipart forms",
        parts(
            "/result", *(Part(key, value.encode()) for key, value in MARKS), rows=True, status=200
        ),
        parts("/result", Part("a", b"1"), Part("f", b"x", "f.txt"), rows=True, status=200),
        parts("/result", Part("a", b"\xff\xfe"), rows=True, status=200),
        parts("/result", *(Part(str(number)) for number in range(1000)), rows=True, status=200),
    ),
    story(
        "multipart forms that are broken off",
        *(
            sent(
                "POST",
                "/result",
                multipart(Part("a", b"1"), Part("b", b"2"))[:-cut],
                f"multipart/form-data; boundary={BOUNDARY}",
                rows=True,
            )
            for cut in (2, 4, 10, 60, 100)
        ),
        sent("POST", "/result", b"nothing", f"multipart/form-data; boundary={BOUNDARY}", rows=True),
    ),
    story(
        "forms beyond Flask's own limits",
        parts("/result", *(Part(str(number)) for number in range(1001)), status=413),
        parts("/result", Part("a", b"x" * 500_001), status=413),
        form("/result", {"a": "x" * 499_998}, rows=True, status=200),
        # Flask has no limit here; a limit of ours is no fault.
        form(
            "/result",
            {"a": "x" * 500_001},
            instead=(Expect(200, original=200), Expect(413, original=200)),
        ),
    ),
    addresses("other addresses", "/result/", "/x", "//"),
]

FILE = Part("file", b"some text\n", "notes.txt", "text/plain")
# No name is left, or the folder itself: the original's save() fails.
UNNAMED = (Expect(400), Expect(200, text="文件上传成功"))
NO_FILE = (Expect(400),)

UPLOAD = [
    every_method("/upload"),
    every_method("/uploader"),
    story("the page", get("/upload", status=200), get("/uploader", status=200)),
    story("a file", parts("/uploader", FILE, exactly="文件上传成功", status=200)),
    story(
        "names of every kind",
        *(
            parts(
                "/uploader", Part("file", name.encode(), name), exactly="文件上传成功", status=200
            )
            for name in (
                "../../x",
                "/etc/passwd",
                "C:\\windows\\win.ini",
                "a/b/c.txt",
                "with space.txt",
                ".hidden",
                "..a..",
                "你好.txt",
                "报告 2024.pdf",
                "a'b\"c;d.txt",
                "~root",
                "-rf",
                "CON",
                "résumé.doc",
                "x.tar.gz",
                "%2e%2e%2fx",
                "a\x00b",
                "<b>.txt",
                "l" * 251 + ".txt",
            )
        ),
    ),
    story(
        "files that are empty, binary or large",
        parts("/uploader", Part("file", b"", "empty"), exactly="文件上传成功"),
        parts("/uploader", Part("file", bytes(range(256)) * 4, "binary"), exactly="文件上传成功"),
        parts("/uploader", Part("file", b"0123456789" * 100_000, "large"), exactly="文件上传成功"),
        parts(
            "/uploader", Part("file", b"\r\n--\r\n", "lines", "x/y; z=1"), exactly="文件上传成功"
        ),
        parts("/uploader", Part("file", b"untyped", "untyped"), exactly="文件上传成功"),
    ),
    story(
        "one name twice: the last one stays",
        parts("/uploader", FILE, status=200),
        parts("/uploader", Part("file", b"other", "notes.txt"), status=200),
    ),
    story(
        "more than one file: the first one counts",
        parts("/uploader", FILE, Part("file", b"second", "second.txt"), status=200),
        parts("/uploader", Part("other", b"x", "other.txt"), Part("file", b"y", "y"), status=200),
        parts("/uploader", Part("a", b"1"), Part("file", b"z", "z"), Part("b", b"2"), status=200),
    ),
    story(
        "names of which nothing is left",
        *(
            parts("/uploader", Part("file", b"x", name), instead=UNNAMED)
            for name in ("你好", "..", ".", "/", "...", "___", "😀", " ")
        ),
    ),
    story(
        "a name that is too long",
        parts("/uploader", Part("file", b"x", "l" * 300), instead=UNNAMED),
    ),
    story("no file was chosen", parts("/uploader", Part("file", b"", ""), instead=NO_FILE)),
    story(
        "no field of that name",
        parts("/uploader", status=400),
        parts("/uploader", Part("File", b"x", "x"), status=400),
        parts("/uploader", Part("file", b"text of a field"), status=400),
        form("/uploader", {"file": "x"}, status=400),
        as_json("/uploader", {"file": "x"}, status=400),
        Step("POST", "/uploader", status=400),
        Step("POST", "/uploader?file=x", status=400),
        sent("POST", "/uploader", b"x", "multipart/form-data", status=400),
        sent(
            "POST", "/uploader", multipart(FILE), "multipart/form-data; boundary=other", status=400
        ),
        sent("POST", "/uploader", multipart(FILE), None, status=400),
    ),
    story(
        "an upload that is broken off",
        *(
            sent(
                "POST",
                "/uploader",
                multipart(FILE)[:-cut],
                f"multipart/form-data; boundary={BOUNDARY}",
            )
            for cut in (2, 3, 10, 40, 60)
        ),
    ),
    addresses("other addresses", "/", "/upload/", "/uploader/", "/upload/notes.txt", "//upload"),
]
