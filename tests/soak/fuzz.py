"""What no parser expects: good input with mistakes in it, by the thousand."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote_from_bytes, urlsplit

from quartapp.settings import Settings, SettingsError, load_settings
from tests.serve.processes import TOP
from tests.soak.house import SECRETS, WHO, serving
from tests.soak.row import Row
from tests.soak.scale import Scale
from tests.soak.visitor import Lost, Visitor

CLIENTS = 4
MOST = 4  # mistakes in one input
BUSY = 503  # is told with when to come again: no mistake of a parser
# What has a meaning to one parser or another.
PIECES = (
    *(b"\0", b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r\n", b"\n", b"\r", b'"', b'""', b"'"),
    *(b",", b";", b"=", b"&", b"%", b"%00", b"%zz", b"+", b".", b"..", b"/", b"\\", b"~", b"-"),
    *(b"--between", b"--between--", b"{", b"}", b"[", b"]" * 50, b"[" * 500, b"null", b"1e999"),
    *(b"-1", b"0", b"9" * 30, b"NaN", b"a" * 5000, "房".encode(), "\u202e".encode(), b" ", b"\t"),
    *(b"Content-Disposition: form-data", b"eyJhbGciOiJub25lIn0.", b"*", b'W/"', b"bytes=0-"),
)
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=between"
PART = (
    b'--between\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n'
    b"Content-Type: text/csv\r\n\r\nid,project_no\r\n1,2\r\n\r\n--between--\r\n"
)
CSV = b'id,project_no,project_name,project_address\r\n7,"a ""b""",c,\r\n8,,"d\r\ne",f\r\n'
NDJSON = b'{"id": "7", "projectName": "a"}\n{"id": "8", "projectNo": null}\n'
HOUSES, HOUSE = "/api/v1/houses", "/api/v1/houses/1001"


@dataclass(frozen=True)
class Parser:
    """What reads an input: the method, the target, the headers, the body that hold it."""

    good: bytes
    method: str = "GET"
    target: Callable[[bytes], str] | str = HOUSES
    headers: Callable[[bytes], Mapping[str, str]] = lambda _: {}
    in_body: bool = False


@dataclass
class Found:
    """How often each status came, and which inputs met none of the good ones."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)


async def run(scale: Scale) -> Row:
    """Send inputs with mistakes to every parser, and look for answers 500 and for none at all."""
    chance = random.Random(scale.seed)  # noqa: S311 - to be repeated, not secret
    found = Found()
    async with serving(scale.folder) as server:
        parsers = await _parsers(server.port)
        inputs = _inputs(parsers, chance, scale.parser_examples)
        await asyncio.gather(*(_send(server.port, inputs, found) for _ in range(CLIENTS)))
    found.wrong += _wrong_settings(chance, scale)
    by_schema = scale.short or await _schemathesis()
    return Row(
        "mistakes in tokens, CSV, multipart, forms, JSON, cursors, settings",
        "0 answers 500, 0 hangs",
        f"{found.statuses.total():,} inputs to {len(parsers)} parsers and as many settings: "
        f"{len(found.wrong)} answers 500, {len(found.hangs)} hangs (seed {scale.seed})"
        + ("" if scale.short else f"; schemathesis {'passed' if by_schema else 'FAILED'}")
        + "".join(f"; {which}" for which in [*found.wrong, *found.hangs][:3]),
        by_schema and not found.wrong and not found.hangs and found.statuses.total() > 0,
        {
            "answers": found.statuses.total(),
            "wrong": len(found.wrong),
            "hangs": len(found.hangs),
            **{f"status_{status}": count for status, count in sorted(found.statuses.items())},
        },
    )


async def _parsers(port: int) -> dict[str, Parser]:
    async with Visitor(port) as visitor:
        tokens = (await visitor.send_json("/api/v1/auth/sign-in", WHO)).json()
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
        page = (await visitor.get(f"{HOUSES}?size=1&cursor=", **bearer)).json()
        cookie = (await visitor.send_form("/login", WHO)).headers["set-cookie"].partition(";")[0]
    cursor = parse_qs(urlsplit(page["next"]).query)["cursor"][0]

    def body(kind: str) -> Callable[[bytes], Mapping[str, str]]:
        return lambda _: bearer | {"content-type": kind}

    def header(name: str, before: str = "") -> Callable[[bytes], Mapping[str, str]]:
        kind = {"content-type": "application/json"}
        return lambda data: bearer | kind | {name: before + _in_header(data)}

    return {
        "token": Parser(
            tokens["access_token"].encode(), headers=header("authorization", "Bearer ")
        ),
        "refresh token": Parser(
            tokens["refresh_token"].encode(),
            "POST",
            "/api/v1/auth/refresh",
            header("authorization", "Bearer "),
        ),
        "cookie": Parser(cookie.encode(), target="/houses", headers=header("cookie")),
        "cursor": Parser(
            cursor.encode(),
            target=lambda data: f"{HOUSES}?size=2&cursor={quote_from_bytes(data)}",
            headers=body(FORM),
        ),
        "query": Parser(
            b"q=a&match=prefix&sort=-projectNo&fields=id,projectName&size=2&page=1",
            target=lambda data: f"{HOUSES}?{quote_from_bytes(data, safe='=&,%+')}",
            headers=body(FORM),
        ),
        "path": Parser(
            b"1001", target=lambda data: f"{HOUSES}/{quote_from_bytes(data)}", headers=body(FORM)
        ),
        "JSON": Parser(
            b'{"id": "a", "projectNo": null, "projectName": "b"}',
            "POST",
            headers=body("application/json"),
            in_body=True,
        ),
        "form": Parser(
            b"username=admin&password=1234567&stay=&next=/houses",
            "POST",
            "/login",
            lambda _: {"content-type": FORM},
            in_body=True,
        ),
        "multipart": Parser(PART, "POST", f"{HOUSE}/files", body(MULTIPART), in_body=True),
        "boundary": Parser(
            MULTIPART.encode(), "POST", f"{HOUSE}/files", header("content-type"), in_body=False
        ),
        "CSV": Parser(CSV, "POST", f"{HOUSES}.csv", body("text/csv"), in_body=True),
        "NDJSON": Parser(
            NDJSON, "POST", f"{HOUSES}.ndjson", body("application/x-ndjson"), in_body=True
        ),
        "If-Match": Parser(b'"abc", W/"d"', "PATCH", HOUSE, header("if-match")),
        "Idempotency-Key": Parser(b'"a-key"', "POST", headers=header("idempotency-key")),
        "Accept-Language": Parser(
            b"zh-CN,zh;q=0.9,en;q=0.8", target="/login", headers=header("accept-language")
        ),
    }


def _inputs(
    parsers: dict[str, Parser], chance: random.Random, count: int
) -> Iterator[tuple[str, Parser, bytes]]:
    for name, parser in parsers.items():
        for _ in range(count):
            yield name, parser, _mistaken(parser.good, chance)


def _mistaken(good: bytes, chance: random.Random) -> bytes:
    """The input with a few mistakes."""
    data = bytearray(good)
    for _ in range(chance.randint(1, MOST)):
        at = chance.randrange(len(data) + 1)
        to = min(len(data), at + chance.choice([0, 1, 1, 4, 40]))
        what = [bytes([chance.randrange(256)]), chance.choice(PIECES), bytes(data[at:to]) * 2, b""]
        data[at:to] = chance.choice(what)
    return bytes(data)


def _in_header(data: bytes) -> str:
    """As a header may hold it: without the end of a line."""
    return data.replace(b"\r", b"").replace(b"\n", b"").decode("latin-1")


async def _send(port: int, inputs: Iterator[tuple[str, Parser, bytes]], found: Found) -> None:
    async with Visitor(port) as visitor:
        for name, parser, data in inputs:
            target = parser.target if isinstance(parser.target, str) else parser.target(data)
            body = data if parser.in_body else b""
            headers = parser.headers(data)
            try:
                answer = await visitor.ask(parser.method, target, body, headers=headers)
            except Lost as error:
                if "Timeout" in str(error) or error.cut:
                    found.hangs.append(f"{name}: {data!r} ({error})")
                continue
            found.statuses[answer.status] += 1
            if answer.status >= 500 and answer.status != BUSY:
                found.wrong.append(f"{name}: {data!r} was answered {answer.status}")


def _wrong_settings(chance: random.Random, scale: Scale) -> list[str]:
    """Settings that end in anything but a refusal, or in being taken."""
    own = {
        "_env_file": None,
        "instance_path": scale.folder,
        **{name.removeprefix("QUARTAPP_").lower(): value for name, value in SECRETS.items()},
    }
    names = [name for name in Settings.model_fields if name != "instance_path"]
    goods = (b"mysql+aiomysql://a:b@host:3306/name?charset=utf8mb4", b"10.0.0.0/8,::1", b"on", b"7")
    wrong = []
    for _ in range(scale.parser_examples):
        name = chance.choice(names)
        value = _mistaken(chance.choice(goods), chance).decode("utf-8", "surrogateescape")
        try:
            load_settings(**(own | {name: value}))
        except SettingsError:
            continue
        except Exception as error:
            wrong.append(f"setting {name}={value!r}: {error!r}")
    return wrong


async def _schemathesis() -> bool:
    """Whether the API does what its own description says, in some thousand requests."""
    command = ("-m", "pytest", "-q", "-m", "slow", "tests/web/api/test_schemathesis.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=TOP, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        return await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
