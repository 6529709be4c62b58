"""Requests for the sections without forms, sessions or tables."""

from tests.lessons.originals.scenario import (
    Expect,
    Late,
    Scenario,
    Step,
    addresses,
    as_json,
    every_method,
    form,
    get,
    remembered,
    sent,
    story,
)

# Wherever a name is shown: what is sent, and what must be seen.
NAMES = {
    "name": "name",
    "a+b": "a+b",
    "a%20b": "a b",
    "%20": " ",
    "%E4%BD%A0": "你",
    "%C3%A9": "é",
    "%F0%9F%98%80": "😀",
    "%FF": "\ufffd",
    "%E4%BD": "\ufffd",
    "%25": "%",
    "%2525": "%25",
    "%": "%",
    "%zz": "%zz",
    "a%3Fb": "a?b",
    "a%23b": "a#b",
    "a;b=c": "a;b=c",
    "a,b": "a,b",
    "..": "..",
    "%2E%2E": "..",
    ".": ".",
    "%5C": "\\",
    "a%09b": "a\tb",
    "%7B%7B7*7%7D%7D": "{{7*7}}",
    "x" * 2000: "x" * 2000,
}

MARKUP = {
    "%3Cb%3Ex%3C%2Fb%3E": None,  # a slash in it: no route takes it as one piece
    "%3Cb%3E": "<b>",
    "%3Cscript%3Ealert(1)": "<script>alert(1)",
    "a&b": "a&b",
    "%22x%22": '"x"',
    "it's": "it's",
}


def _names(pattern: str, address: str, title: str) -> list[Scenario]:
    shown = [
        get(address.format(raw), exactly=pattern.format(name), status=200, fresh=True)
        for raw, name in NAMES.items()
    ]
    escaped = [
        # The original puts the name into HTML as it is.
        get(
            address.format(raw),
            instead=(Expect(200, text=pattern.format(name), original=200),),
            fresh=True,
        )
        for raw, name in MARKUP.items()
        if name is not None
    ]
    return [story(f"{title} of every kind", *shown), story(f"{title} that are HTML", *escaped)]


HELLO = [
    every_method("/flask"),
    story("the greeting", get("/flask", exactly="Hello Flask", status=200)),
    addresses("addresses that are not there", "/", "/Flask", "/flask/", "/flaskx", "/flask/x"),
    addresses("slashes", "//flask", "///flask", "/flask//", "//", "/./flask", "/x/../flask"),
    addresses("quoted addresses", "/%66lask", "/flask%2F", "/flask%20", "/%FF", "/fl%00ask"),
    addresses("query strings", "/flask?", "/flask?a=b", "/flask?%FF", "//flask?a=b&c=%20"),
    story(
        "what the client wants makes no difference",
        get("/flask", headers={"Accept": "application/json"}, exactly="Hello Flask"),
        get("/flask", headers={"Accept": "image/png;q=0.1"}, exactly="Hello Flask"),
        get("/flask", headers={"If-None-Match": "*"}, exactly="Hello Flask"),
        get("/flask", headers={"Range": "bytes=0-4"}, exactly="Hello Flask"),
        get("/flask", headers={"Cookie": "session=x; ;;=;a"}, exactly="Hello Flask"),
        sent("GET", "/flask", b"a body", "text/plain", exactly="Hello Flask"),
    ),
]


def _float(raw: str, seen: str) -> Step:
    # The original's view returns a float, which Flask refuses.
    return get(f"/floats/{raw}", instead=(Expect(200, text=seen),), fresh=True)


CONVERTERS = [
    every_method("/strs/name"),
    every_method("/floats/1.5", {"GET": [Expect(200, text="1.5")], "HEAD": [Expect(200)]}),
    every_method("/ints/1"),
    every_method("/paths/a/b"),
    *_names("Hello {}", "/strs/{}", "strings"),
    *_names("路径为 {}", "/paths/{}", "paths"),
    addresses("a line feed in the name", "/strs/a%0Ab", "/paths/a%0Ab"),
    addresses(
        "strings that no string takes", "/strs", "/strs/", "/strs//", "/strs/a/", "/strs/a/b"
    ),
    addresses("a quoted slash is a slash", "/strs/a%2Fb", "/strs/%2F", "/strs%2Fa", "/strs/a%2F"),
    story(
        "integers",
        get("/ints/0", exactly="整数为 0"),
        get("/ints/007", exactly="整数为 7"),
        get("/ints/%31", exactly="整数为 1"),
        get("/ints/" + "9" * 40, exactly="整数为 " + "9" * 40),
        get("/ints/" + "1" * 4300, exactly="整数为 " + "1" * 4300),
    ),
    addresses(
        "what is no integer",
        *(f"/ints/{raw}" for raw in ("-1", "+1", "1.5", "1.0", "x", "1x", "1e3", "", "%20", "1_0")),
        "/ints/1/",
        "/ints/%2B1",
        "/ints/0x1",
        "/ints",
    ),
    addresses("digits of other scripts", "/ints/%D9%A1", "/ints/%EF%BC%91", "/ints/%C2%B2"),
    # int() refuses more than 4300 digits, and the router takes that for no integer.
    addresses("an integer that Python will not read", "/ints/" + "1" * 4301),
    story(
        "floats",
        _float("1.5", "1.5"),
        _float("1.0", "1.0"),
        _float("0.0", "0.0"),
        _float("007.50", "7.5"),
        _float("0.1", "0.1"),
        _float("3.14159265358979323846", "3.141592653589793"),
        _float("100000000000000000.0", "1e+17"),
        _float("0.00001", "1e-05"),
        _float("9" * 400 + ".0", "inf"),
        _float("%31.5", "1.5"),
    ),
    addresses(
        "what is no float",
        *(f"/floats/{raw}" for raw in ("1", "1.", ".5", "-1.0", "+1.0", "1e5", "1.0e5", "nan")),
        *(f"/floats/{raw}" for raw in ("inf", "", "1.5.5", "1,5", "x", "1.5/", "1.5%20")),
        "/floats",
    ),
    addresses("paths that are not there", "/paths", "/paths/", "/paths//", "/paths/%2F"),
    story(
        "paths with slashes",
        get("/paths/a", exactly="路径为 a"),
        get("/paths/a/b/c.txt", exactly="路径为 a/b/c.txt"),
        get("/paths/a%2Fb", exactly="路径为 a/b"),
        get("/paths/a/", exactly="路径为 a/"),
        get("/paths/../x", exactly="路径为 ../x"),
        get("/paths/a//b"),
        get("/paths//a"),
        get("/paths/a/%2Fb"),
    ),
]

REDIRECTS = [
    every_method("/redicts"),
    every_method("/admin"),
    every_method("/guest/tom"),
    every_method("/user/tom"),
    every_method("/user/admin"),
    story(
        "the answers of the tutorial",
        get("/redicts", status=302),
        get("/admin", exactly="Hello Admin", status=200),
        get("/guest/tom", exactly="Hello tom as Guest", status=200),
        get("/user/admin", status=302),
        get("/user/tom", status=302),
    ),
    *_names("Hello {} as Guest", "/guest/{}", "guests"),
    addresses("users of every kind", *(f"/user/{raw}" for raw in (*NAMES, *MARKUP))),
    addresses("a line feed in the name", "/user/a%0Ab", "/guest/a%0Ab", "/guest/a%0D%0AX:y"),
    addresses("nearly the administrator", "/user/Admin", "/user/admin%20", "/user/%61dmin"),
    addresses(
        "users that are not there", "/user", "/user/", "/user/admin/", "/user/a/b", "/user//a"
    ),
    addresses("a query string is not carried on", "/user/tom?a=b", "/user/admin?next=//x"),
    addresses("other addresses", "/", "/guest", "/guest/", "/admin/", "/redirects", "//admin"),
]

METHODS = [
    *(every_method(f"/{method}_request") for method in ("get", "post", "delete", "put", "head")),
    story(
        "each request by its own method",
        get("/get_request", exactly="GET请求", status=200),
        Step("POST", "/post_request", exactly="POST请求", status=200),
        Step("DELETE", "/delete_request", exactly="DELETE请求", status=200),
        Step("PUT", "/put_request", exactly="PUT请求", status=200),
        Step("HEAD", "/head_request", exactly="", status=200),
    ),
    story(
        "a body makes no difference",
        form("/post_request", {"a": "b"}, exactly="POST请求"),
        sent("PUT", "/put_request", b"", None, exactly="PUT请求"),
        sent("DELETE", "/delete_request", b"{", "application/json", exactly="DELETE请求"),
        as_json("/post_request", [1], exactly="POST请求"),
    ),
    addresses("other addresses", "/", "/get_request/", "/patch_request", "/GET_REQUEST"),
]

VARIABLES = [
    every_method("/"),
    story(
        "every variable in its order",
        get(
            "/",
            says=("Hello Word", "10", "3", "4", "2", "1", "7", "9", "zhouzhiwengang", "31"),
            status=200,
        ),
    ),
    addresses("other addresses", "/x", "/index.html", "//", "/variable.html", "/?my_str=x"),
]

SCRIPT: Late = remembered("script")


def _script(method: str = "GET", **headers: str | Late) -> Step:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return Step(method, SCRIPT, headers=named, whole_path=True)


_PAGE = get("/", keep={"script": "script"}, holds=("<button", "sayHello()"), status=200)
_SEEN = Step("GET", SCRIPT, whole_path=True, keep={"ETag": "header", "Last-Modified": "header"})
_ETAG, _DATE = remembered("ETag"), remembered("Last-Modified")

STATIC_FILES = [
    every_method("/"),
    story(
        "every method on the script",
        _PAGE,
        *(
            _script(method)
            for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")
        ),
    ),
    story(
        "the script again, only if it changed",
        _PAGE,
        _SEEN,
        _script(If_None_Match=_ETAG),
        _script("HEAD", If_None_Match=_ETAG),
        _script(If_None_Match='"other"'),
        _script(If_None_Match=remembered("ETag", '"other", W/{}')),
        _script(If_None_Match="*"),
        _script(If_None_Match=""),
        _script(If_Modified_Since=_DATE),
        _script(If_Modified_Since="Wed, 01 Jan 2020 00:00:00 GMT"),
        _script(If_Modified_Since="Fri, 01 Jan 2100 00:00:00 GMT"),
        _script(If_Modified_Since="yesterday"),
        _script(If_None_Match='"other"', If_Modified_Since=_DATE),
        _script(If_Match='"other"'),
        _script(If_Match=_ETAG),
        _script(If_Unmodified_Since="Wed, 01 Jan 2020 00:00:00 GMT"),
    ),
    story(
        "pieces of the script",
        _PAGE,
        _SEEN,
        _script(Range="bytes=0-9"),
        _script("HEAD", Range="bytes=0-9"),
        _script(Range="bytes=9-9"),
        _script(Range="bytes=0-0"),
        _script(Range="bytes=0-99999"),
        _script(Range="bytes=10-"),
        _script(Range="bytes=-5"),
        _script(Range="bytes=-99999"),
        _script(Range="bytes=99999-"),
        _script(Range="bytes=99999-100000"),
        _script(Range="bytes=9-0"),
        _script(Range="bytes=0-1,3-4"),
        _script(Range="bytes=-0"),
        _script(Range="bytes="),
        _script(Range="lines=0-9"),
        _script(Range="bytes=a-b"),
        _script(Range="bytes=0-9", If_Range=_ETAG),
        _script(Range="bytes=0-9", If_Range='"other"'),
        _script(Range="bytes=0-9", If_Range=_DATE),
        _script(Range="bytes=0-9", If_Range="Wed, 01 Jan 2020 00:00:00 GMT"),
        _script(Range="bytes=0-9", If_None_Match=_ETAG),
        _script("POST", Range="bytes=0-9"),
    ),
    story(
        "beside the script",
        _PAGE,
        *(
            Step("GET", remembered("script", "{}" + more), whole_path=True)
            for more in ("x", "/", "/../static.js", "?v=1", "%00", "%2F", "/x")
        ),
        Step("GET", lambda memory: memory.kept["script"].replace("static.js", ""), whole_path=True),
        Step(
            "GET",
            lambda memory: memory.kept["script"].replace("static.js", "../setup.py"),
            whole_path=True,
        ),
        Step(
            "GET",
            lambda memory: memory.kept["script"].replace("static.js", "..%2f..%2fetc/passwd"),
            whole_path=True,
        ),
        Step(
            "GET",
            lambda memory: memory.kept["script"].replace("static.js", "%2Fetc%2Fpasswd"),
            whole_path=True,
        ),
        Step(
            "GET",
            lambda memory: memory.kept["script"].replace("static.js", "no%FFsuch.js"),
            whole_path=True,
        ),
    ),
    addresses("other addresses", "/x", "/static", "/static.js", "//"),
]
