"""The table of answers: every default refusal, and what is let in."""

from __future__ import annotations

from typing import Any

import jwt as pyjwt

from tests.jwt.support import KEY, NOW, Row, bearer, claims, token
from tests.jwt.token_rows import ACCESS, REFRESH, TOKENS

MISSING_HEADER = "Missing Authorization Header"
MISSING_BEARER = (
    "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'"
)
BAD_HEADER = "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'"
JSON = (("Content-Type", "application/json"),)
ALL = {"TOKEN_LOCATION": ["headers", "cookies", "query_string", "json"]}
COOKIES = {"TOKEN_LOCATION": ["cookies"]}
QUERY = {"TOKEN_LOCATION": ["query_string"]}
BODY = {"TOKEN_LOCATION": ["json"]}

ACCESS_COOKIE = ("Cookie", f"access_token_cookie={ACCESS}")
REFRESH_COOKIE = ("Cookie", f"refresh_token_cookie={REFRESH}")
CSRF = ("X-CSRF-TOKEN", "csrf-of-access")
HS512 = pyjwt.encode(claims(), KEY + KEY, algorithm="HS512")


def auth(value: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", value),)


def json_row(name: str, status: int, text: str | None, body: str, **more: Any) -> Row:
    fields: dict[str, Any] = {"headers": JSON, "method": "POST", "options": BODY} | more
    return Row(name, status, text, body=body.encode(), **fields)


IN_HEADERS = [
    Row("a token is let in", 200, headers=bearer(ACCESS)),
    Row("no header", 401, MISSING_HEADER),
    Row("an empty header", 401, MISSING_HEADER, auth("")),
    Row("a comma alone", 401, MISSING_HEADER, auth(" , ")),
    Row("another scheme", 401, MISSING_BEARER, auth("Basic Ym9iOmJvYg==")),
    Row("the scheme in lower case", 401, MISSING_BEARER, auth(f"bearer {ACCESS}")),
    Row("two Bearer fields", 401, MISSING_BEARER, auth(f"Bearer {ACCESS}, Bearer {ACCESS}")),
    Row("two headers", 401, MISSING_BEARER, bearer(ACCESS) + bearer(ACCESS)),
    Row("two headers, one of them Basic", 200, None, auth("Basic x") + bearer(ACCESS)),
    Row("a field of another scheme beside it", 200, None, auth(f"Basic x, Bearer {ACCESS}")),
    Row("a comma after the token", 200, None, auth(f"Bearer {ACCESS},")),
    Row("spaces around the token", 200, None, auth(f"  Bearer   {ACCESS}  ")),
    Row("Bearer alone", 422, BAD_HEADER, auth("Bearer")),
    Row("Bearer with two words", 422, BAD_HEADER, auth(f"Bearer {ACCESS} x")),
    Row("a bare token", 200, None, auth(ACCESS), options={"HEADER_TYPE": ""}),
    Row(
        "a bare token, two words",
        422,
        "Bad Authorization header. Expected 'Authorization: <JWT>'",
        auth(f"Bearer {ACCESS}"),
        options={"HEADER_TYPE": ""},
    ),
    Row("a scheme of one's own", 200, None, auth(f"JWT {ACCESS}"), options={"HEADER_TYPE": "JWT"}),
    Row(
        "a header of one's own",
        200,
        None,
        (("X-Token", f"Bearer {ACCESS}"),),
        options={"HEADER_NAME": "X-Token"},
    ),
    Row(
        "a header of one's own, absent",
        401,
        "Missing X-Token Header",
        bearer(ACCESS),
        options={"HEADER_NAME": "X-Token"},
    ),
    Row("OPTIONS needs no token", 200, method="OPTIONS"),
    Row("optional, no token", 200, path="/optional"),
    Row("optional, another scheme", 200, None, auth("Basic x"), "/optional"),
    Row("optional, malformed header", 422, BAD_HEADER, auth("Bearer"), "/optional"),
    Row("optional, expired", 401, "Token has expired", bearer(token(exp=NOW - 9)), "/optional"),
    Row("optional, bad token", 422, "Not enough segments", bearer("x"), "/optional"),
    Row("the key of the error message", 401, MISSING_HEADER, options={"ERROR_MESSAGE_KEY": "e"}),
]

IN_COOKIES = [
    Row("a cookie", 200, None, (ACCESS_COOKIE,), options=COOKIES),
    Row("no cookie", 401, 'Missing cookie "access_token_cookie"', options=COOKIES),
    Row(
        "no refresh cookie",
        401,
        'Missing cookie "refresh_token_cookie"',
        (ACCESS_COOKIE,),
        "/refresh-cookies",
    ),
    Row("a refresh cookie", 200, None, (REFRESH_COOKIE,), "/refresh-cookies"),
    Row(
        "an access token in the refresh cookie",
        422,
        "Only refresh tokens are allowed",
        (("Cookie", f"refresh_token_cookie={ACCESS}"),),
        "/refresh-cookies",
    ),
    Row(
        "a cookie of another name",
        200,
        None,
        (("Cookie", f"c={ACCESS}"),),
        options=COOKIES | {"ACCESS_COOKIE_NAME": "c"},
    ),
    *(
        Row(
            f"{method} without CSRF value",
            401,
            "Missing CSRF token",
            (ACCESS_COOKIE,),
            method=method,
            options=COOKIES,
        )
        for method in ("POST", "PUT", "PATCH", "DELETE")
    ),
    Row("POST with CSRF value", 200, None, (ACCESS_COOKIE, CSRF), method="POST", options=COOKIES),
    Row(
        "a differing CSRF value",
        401,
        "CSRF double submit tokens do not match",
        (ACCESS_COOKIE, ("X-CSRF-TOKEN", "other")),
        method="POST",
        options=COOKIES,
    ),
    Row(
        "two CSRF values",
        401,
        "CSRF double submit tokens do not match",
        (ACCESS_COOKIE, CSRF, ("X-CSRF-TOKEN", "other")),
        method="POST",
        options=COOKIES,
    ),
    Row(
        "an empty CSRF value",
        401,
        "Missing CSRF token",
        (ACCESS_COOKIE, ("X-CSRF-TOKEN", "")),
        method="POST",
        options=COOKIES,
    ),
    Row(
        "a token without csrf claim",
        422,
        "Missing claim: csrf",
        (("Cookie", f"access_token_cookie={token(csrf=None)}"), CSRF),
        method="POST",
        options=COOKIES,
    ),
    Row(
        "CSRF value of the refresh token",
        401,
        "CSRF double submit tokens do not match",
        (ACCESS_COOKIE, ("X-CSRF-TOKEN", "csrf-of-refresh")),
        method="POST",
        options=COOKIES,
    ),
    Row(
        "CSRF protection off",
        200,
        None,
        (ACCESS_COOKIE,),
        method="POST",
        options=COOKIES | {"COOKIE_CSRF_PROTECT": False},
    ),
    Row(
        "CSRF methods of one's own",
        401,
        "Missing CSRF token",
        (ACCESS_COOKIE,),
        options=COOKIES | {"CSRF_METHODS": ["GET"]},
    ),
    Row(
        "CSRF methods without POST",
        200,
        None,
        (ACCESS_COOKIE,),
        method="POST",
        options=COOKIES | {"CSRF_METHODS": ["GET"]},
    ),
    Row(
        "a CSRF header of one's own",
        200,
        None,
        (ACCESS_COOKIE, ("X-C", "csrf-of-access")),
        method="POST",
        options=COOKIES | {"ACCESS_CSRF_HEADER_NAME": "X-C"},
    ),
    Row(
        "a refresh CSRF header of one's own",
        200,
        None,
        (REFRESH_COOKIE, ("X-R", "csrf-of-refresh")),
        "/refresh-cookies",
        "POST",
        options={"REFRESH_CSRF_HEADER_NAME": "X-R"},
    ),
    Row(
        "a form's CSRF value, not asked for",
        401,
        "Missing CSRF token",
        (ACCESS_COOKIE, ("Content-Type", "application/x-www-form-urlencoded")),
        method="POST",
        body=b"csrf_token=csrf-of-access",
        options=COOKIES,
    ),
    Row(
        "a form's CSRF value",
        200,
        None,
        (ACCESS_COOKIE, ("Content-Type", "application/x-www-form-urlencoded")),
        method="POST",
        body=b"csrf_token=csrf-of-access",
        options=COOKIES | {"CSRF_CHECK_FORM": True},
    ),
    Row(
        "a form's field of one's own",
        200,
        None,
        (ACCESS_COOKIE, ("Content-Type", "application/x-www-form-urlencoded")),
        method="POST",
        body=b"f=csrf-of-access",
        options=COOKIES | {"CSRF_CHECK_FORM": True, "ACCESS_CSRF_FIELD_NAME": "f"},
    ),
    Row(
        "a refresh form's field of one's own",
        200,
        None,
        (REFRESH_COOKIE, ("Content-Type", "application/x-www-form-urlencoded")),
        "/refresh-cookies",
        "POST",
        body=b"f=csrf-of-refresh",
        options={"CSRF_CHECK_FORM": True, "REFRESH_CSRF_FIELD_NAME": "f"},
    ),
]

IN_QUERY = [
    Row("a query parameter", 200, query={"jwt": ACCESS}, options=QUERY),
    Row("no query parameter", 401, "Missing 'jwt' query paramater", options=QUERY),
    Row(
        "a query parameter of one's own",
        200,
        query={"q": ACCESS},
        options=QUERY | {"QUERY_STRING_NAME": "q"},
    ),
    Row(
        "a query prefix",
        200,
        query={"jwt": f"Bearer {ACCESS}"},
        options=QUERY | {"QUERY_STRING_VALUE_PREFIX": "Bearer "},
    ),
    Row(
        "a query prefix missing",
        422,
        "Invalid value for query parameter 'jwt'. Expected the value to start with 'Bearer '",
        query={"jwt": ACCESS},
        options=QUERY | {"QUERY_STRING_VALUE_PREFIX": "Bearer "},
    ),
]

IN_JSON = [
    json_row("a JSON body", 200, None, f'{{"access_token": "{ACCESS}"}}'),
    json_row(
        "a JSON body for refresh",
        200,
        None,
        f'{{"refresh_token": "{REFRESH}"}}',
        path="/refresh-json",
        options={},
    ),
    json_row(
        "a JSON key of one's own",
        200,
        None,
        f'{{"k": "{ACCESS}"}}',
        options=BODY | {"JSON_KEY": "k"},
    ),
    json_row(
        "a refresh JSON key of one's own",
        200,
        None,
        f'{{"k": "{REFRESH}"}}',
        path="/refresh-json",
        options={"REFRESH_JSON_KEY": "k"},
    ),
    json_row(
        "JSON of another type",
        401,
        "Invalid content-type. Must be application/json.",
        "x",
        headers=(("Content-Type", "text/plain"),),
    ),
    json_row(
        "JSON by suffix",
        200,
        None,
        f'{{"access_token": "{ACCESS}"}}',
        headers=(("Content-Type", "application/vnd.api+json; charset=utf-8"),),
    ),
    json_row("no key in JSON", 401, 'Missing "access_token" key in json data.', "{}"),
    json_row(
        "null in JSON", 401, 'Missing "access_token" key in json data.', '{"access_token": null}'
    ),
    json_row("bad JSON", 401, 'Missing "access_token" key in json data.', "{"),
    json_row("an empty body", 401, 'Missing "access_token" key in json data.', ""),
    json_row(
        "a number for a token",
        422,
        "Invalid token type. Token must be a <class 'bytes'>",
        '{"access_token": 5}',
    ),
    json_row(
        "no refresh key in JSON",
        401,
        'Missing "refresh_token" key in json data.',
        "{}",
        path="/refresh-json",
        options={},
    ),
    json_row(
        "a JSON body that is a list",
        401,
        'Missing "access_token" key in json data.',
        "[1]",
        differs=True,
    ),
    json_row(
        "a JSON body that is a text",
        401,
        'Missing "access_token" key in json data.',
        '"x"',
        differs=True,
    ),
]

SEVERAL = [
    Row(
        "nowhere",
        401,
        "Missing JWT in headers, cookies, query_string or json (Missing Authorization Header; "
        "Missing cookie \"access_token_cookie\"; Missing 'jwt' query paramater; "
        "Invalid content-type. Must be application/json.)",
        options=ALL,
    ),
    Row(
        "nowhere of two",
        401,
        "Missing JWT in json or query_string (Invalid content-type. Must be application/json.; "
        "Missing 'jwt' query paramater)",
        path="/json-or-query",
    ),
    Row(
        "in the last",
        200,
        None,
        JSON,
        method="POST",
        options=ALL,
        body=f'{{"access_token": "{ACCESS}"}}'.encode(),
    ),
    Row(
        "the first that has one is taken", 200, None, (*bearer(ACCESS), ACCESS_COOKIE), options=ALL
    ),
    Row(
        "a bad header ends the search",
        422,
        BAD_HEADER,
        (*auth("Bearer"), ACCESS_COOKIE),
        options=ALL,
    ),
    Row("another scheme does not", 200, None, (*auth("Basic x"), ACCESS_COOKIE), options=ALL),
    Row(
        "a missing CSRF value ends it",
        401,
        "Missing CSRF token",
        (ACCESS_COOKIE,),
        method="POST",
        query={"jwt": ACCESS},
        options=ALL,
    ),
    Row("locations as a text", 200, None, (ACCESS_COOKIE,), options={"TOKEN_LOCATION": "cookies"}),
    Row(
        "locations as a set, none has it",
        401,
        "Missing JWT in headers, cookies or json (Missing Authorization Header; "
        'Missing cookie "access_token_cookie"; Invalid content-type. Must be application/json.)',
        options={"TOKEN_LOCATION": {"json", "headers", "cookies"}},
        differs=True,
    ),
    Row(
        "the decorator's location",
        401,
        'Missing cookie "access_token_cookie"',
        bearer(ACCESS),
        "/cookies",
    ),
]

ROWS = [*IN_HEADERS, *IN_COOKIES, *IN_QUERY, *IN_JSON, *SEVERAL, *TOKENS]
