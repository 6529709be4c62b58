"""Say in which ways a lesson's answers differ from the original's.

What must differ is brought to a common form first: dates, tokens, signatures, and the
prefix under which the lesson is mounted. The layout of pages is free; what a visitor can
see and use on them is not.
"""

import html
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import jwt

from tests.lessons.originals.memory import SetCookie
from tests.lessons.originals.page import Form, read
from tests.lessons.originals.play import Answer
from tests.lessons.originals.scenario import Expect, Scenario, Step

# A client notices when one of these is missing; more of them do no harm.
KEPT_HEADERS = ("Accept-Ranges", "Content-Disposition", "WWW-Authenticate", "Retry-After")
PRESENT_HEADERS = ("ETag", "Last-Modified")
LONGEST_SHOWN = 300
RANDOM_CLAIMS = frozenset({"jti", "csrf"})


class Comparison:
    """Compares the answers of one scenario; `mount` is where the lesson lives ("" at the root)."""

    def __init__(self, section: str, mount: str) -> None:
        self.section = section
        self.mount = mount

    def differences(
        self, scenario: Scenario, theirs: list[Answer], ours: list[Answer]
    ) -> list[str]:
        """Return every difference, each with its step."""
        found: list[str] = []
        for number, step in enumerate(scenario.steps):
            one, other = theirs[number], ours[number]
            found += [
                f"step {number + 1}, {step.method} {_short(other.request.target)}: {difference}"
                for difference in (*broken_contract(step, one), *self._step(step, one, other))
            ]
        return found + list(_lengths(theirs, ours))

    def _step(self, step: Step, theirs: Answer, ours: Answer) -> Iterator[str]:
        if self._is_merged(theirs, ours):
            return
        if step.instead:
            failures = [list(self._expected(expect, ours)) for expect in step.instead]
            if all(failures):
                yield " or ".join(", ".join(reasons) for reasons in failures)
            return
        if ours.status != theirs.status:
            yield f"{ours.status} instead of {theirs.status}: {_short(ours.text)}"
            return
        yield from self._headers(theirs, ours)
        yield from self._cookies(theirs, ours)
        yield from self._body(step, theirs, ours)

    def _is_merged(self, theirs: Answer, ours: Answer) -> bool:
        """Whether ours merges slashes that the original sees before its first path segment.

        At the root of a server the router ignores them; below a mount they are in the middle
        of a path, and there the original would redirect as well.
        """
        path = theirs.request.raw_path
        if not (
            self.mount and path.startswith("//") and ours.status == HTTPStatus.PERMANENT_REDIRECT
        ):
            return False
        merged = self.mount + re.sub("/{2,}", "/", path)
        return ours.resolve(ours.one("Location") or "").partition("?")[0] == merged

    def _expected(self, expect: Expect, ours: Answer) -> Iterator[str]:
        if ours.status != expect.status:
            yield f"{ours.status} instead of {expect.status} ({_short(ours.text)})"
            return
        if expect.allow is not None and not expect.allow <= _allow(ours):
            yield f"Allow is {sorted(_allow(ours))} without all of {sorted(expect.allow)}"
        if ours.request.method != "HEAD":
            yield from self._expected_body(expect, ours)

    def _expected_body(self, expect: Expect, ours: Answer) -> Iterator[str]:
        if expect.text is not None and _plain(ours.text) != expect.text:
            yield f"the text is {_short(ours.text)} instead of {expect.text!r}"
        if expect.json is not ... and (not ours.is_json or ours.json() != expect.json):
            yield f"the JSON is {_short(ours.text)} instead of {expect.json!r}"
        seen = ours.text
        if expect.message:
            seen = message(ours) or ""
            if not seen:
                yield f"no JSON message: {_short(ours.text)}"
        missing = [name for name in expect.naming if name not in seen]
        if missing:
            yield f"{missing} not named: {_short(ours.text)}"
        if expect.rows and read(ours.text).filled_tables:
            yield f"rows where there are none: {read(ours.text).filled_tables}"
        if expect.forms and not read(ours.text).forms:
            yield "no form"

    def _headers(self, theirs: Answer, ours: Answer) -> Iterator[str]:
        if _type(theirs) != _type(ours):
            yield f"Content-Type {_type(ours)!r} instead of {_type(theirs)!r}"
        if _allow(theirs) != _allow(ours):
            yield f"Allow {sorted(_allow(ours))} instead of {sorted(_allow(theirs))}"
        if _range(theirs) != _range(ours):
            yield f"Content-Range {_range(ours)!r} instead of {_range(theirs)!r}"
        if self._location(theirs, "") != self._location(ours, self.mount):
            yield f"Location {ours.one('Location')!r} instead of {theirs.one('Location')!r}"
        yield from self._missing_headers(theirs, ours)

    def _missing_headers(self, theirs: Answer, ours: Answer) -> Iterator[str]:
        # Flask-Login touches the session even where no view was reached; that is no promise.
        reached = theirs.status not in (404, 405) and theirs.request.method != "OPTIONS"
        for name in ("Vary", "Cache-Control") if reached else ("Cache-Control",):
            if missing := _words(theirs, name) - _words(ours, name):
                yield f"{name} lacks {sorted(missing)}"
        for name in KEPT_HEADERS:
            if theirs.one(name) is not None and theirs.one(name) != ours.one(name):
                yield f"{name} {ours.one(name)!r} instead of {theirs.one(name)!r}"
        for name in PRESENT_HEADERS:
            if theirs.one(name) and not ours.one(name):
                yield f"{name} is missing"

    def _location(self, answer: Answer, mount: str) -> str | None:
        location = answer.one("Location")
        return None if location is None else _below(answer.resolve(location), mount)

    def _cookies(self, theirs: Answer, ours: Answer) -> Iterator[str]:
        wanted, got = ([self._cookie(item) for item in side.cookies] for side in (theirs, ours))
        if wanted != got:
            yield f"Set-Cookie {ours.all('Set-Cookie')} instead of {theirs.all('Set-Cookie')}"
        for cookie in ours.cookies:
            # A plain cookie may be the whole site's; the others belong to their lesson.
            allowed = {self.mount, f"{self.mount}/"} | (
                {"/"} if self.section == "cookies" else set()
            )
            if (cookie.path or "/") not in allowed:
                yield f"{cookie.name} has the path {cookie.path!r}"

    def _cookie(self, cookie: SetCookie) -> tuple[object, ...]:
        own = self.section == "login-db"  # that one has a name and value of its own
        signed = cookie.name == "session" or own
        attributes = cookie.attributes
        return (
            "*" if own else cookie.name,
            "deleted" if cookie.deletes else "*" if signed else cookie.value,
            None if cookie.deletes else attributes.get("max-age"),
            "httponly" in attributes,
            "secure" in attributes,
            # Asking for more protection than the original is welcome.
            attributes.get("samesite", "").lower() in ("", "lax", "strict"),
        )

    def _body(self, step: Step, theirs: Answer, ours: Answer) -> Iterator[str]:
        if theirs.request.method == "HEAD":
            return
        if theirs.is_json:
            yield from _json(step, theirs, ours)
        elif _type(theirs).startswith("text/html") and "<" in theirs.text:
            yield from self._page(step, theirs, ours)
        elif "javascript" in _type(theirs) and theirs.status == HTTPStatus.OK:
            if ours.text.split() != theirs.text.split():
                yield f"the script is {_short(ours.text)}"
        elif ours.body != theirs.body:
            yield f"the body is {_short(ours.text)} instead of {_short(theirs.text)}"

    def _page(self, step: Step, theirs: Answer, ours: Answer) -> Iterator[str]:
        page, original = read(ours.text), read(theirs.text)
        unsaid = page.says(step.says)
        if unsaid is not None:
            yield f"{unsaid!r} is not seen (in its order) in {_short(page.text)}"
        for text in step.hides:
            if text in page.text:
                yield f"{text!r} is seen"
        for piece in step.holds:
            if piece not in ours.text:
                yield f"{piece!r} is not in the page"
        if theirs.status >= HTTPStatus.BAD_REQUEST:
            status = HTTPStatus(theirs.status)
            if status.phrase not in page.text and str(status.value) not in page.text:
                yield f"the page does not say {status.value} {status.phrase}: {_short(page.text)}"
        yield from self._controls(theirs, ours)
        rows = original.filled_tables or [[]]
        if step.rows and (rows[0] or page.filled_tables) and rows[0] not in page.tables:
            yield f"the rows are {page.filled_tables} instead of {original.filled_tables}"

    def _controls(self, theirs: Answer, ours: Answer) -> Iterator[str]:
        """Everything that can be filled in or followed there is here too; more of it is free."""
        page, original = read(ours.text), read(theirs.text)
        forms = [_form(form, ours, self.mount) for form in page.forms]
        for form in original.forms:
            if _form(form, theirs, "") not in forms:
                yield f"no form {_form(form, theirs, '')} among {forms}"
        links = {(_below(ours.resolve(link), self.mount), text) for link, text in page.links}
        targets = {target for target, _ in links}
        is_redirect = theirs.one("Location") is not None
        for link, text in original.links:
            target = _below(theirs.resolve(link), "")
            if target not in targets if is_redirect else (target, text) not in links:
                yield f"no link {text!r} to {target!r} among {sorted(links)}"


def broken_contract(step: Step, theirs: Answer) -> Iterator[str]:
    """Say where the original itself is not what the table says of it."""
    if step.instead:
        statuses = {expect.original for expect in step.instead}
        if statuses != {theirs.status}:
            yield f"the original answers {theirs.status}, not {statuses}"
        return
    if theirs.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        yield f"the original fails with {theirs.status}, and nothing is said of that"
    if step.status is not None and theirs.status != step.status:
        yield f"the original answers {theirs.status}, not {step.status}"
    if step.exactly is not None and theirs.text != ("" if step.method == "HEAD" else step.exactly):
        yield f"the original says {_short(theirs.text)}, not {step.exactly!r}"
    page = read(theirs.text)
    if page.says(step.says) is not None:
        yield f"the original does not say {page.says(step.says)!r}"
    if any(text in page.text for text in step.hides):
        yield f"the original says one of {step.hides}"
    if not all(piece in theirs.text for piece in step.holds):
        yield f"the original does not hold {step.holds}"


def message(answer: Answer) -> str | None:
    """Return the text of a JSON message."""
    if not answer.is_json:
        return None
    body = answer.json()
    texts = [body.get(key) for key in ("message", "msg", "error")] if isinstance(body, dict) else []
    return next((text for text in texts if isinstance(text, str) and text), None)


def _json(step: Step, theirs: Answer, ours: Answer) -> Iterator[str]:
    try:
        wanted, got = _value(theirs.json()), _value(ours.json())
    except ValueError:
        yield f"no JSON: {_short(ours.text)}"
        return
    if step.wording == "free" and message(theirs):
        key = next(key for key in ("message", "msg", "error") if key in theirs.json())
        if not (isinstance(ours.json(), dict) and isinstance(ours.json().get(key), str)):
            yield f"no text under {key!r}: {_short(ours.text)}"
    elif wanted != got:
        yield f"the JSON is {_short(repr(got))} instead of {_short(repr(wanted))}"


def _value(value: Any) -> Any:
    """Return JSON in which tokens are replaced by what they say, their moments by durations."""
    if isinstance(value, dict):
        return {key: _value(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_value(entry) for entry in value]
    if isinstance(value, str) and value.count(".") == 2 and value.startswith("eyJ"):
        claims = jwt.decode(value, options={"verify_signature": False})
        issued = claims["iat"]
        said = {name: claims[name] - issued for name in ("nbf", "exp") if name in claims}
        rest = {name: entry for name, entry in claims.items() if name not in ("iat", *said)}
        header = jwt.get_unverified_header(value)
        rest |= {name: bool(claims[name]) for name in RANDOM_CLAIMS & claims.keys()}
        return {"alg": header["alg"], **said, **rest}
    return value


def _lengths(theirs: list[Answer], ours: list[Answer]) -> Iterator[str]:
    """HEAD gives the length that GET has, on our side as on theirs."""
    lengths: dict[str, tuple[str | None, str | None]] = {}
    for one, other in zip(theirs, ours, strict=True):
        target = one.request.target
        pair = one.one("Content-Length"), other.one("Content-Length")
        if one.request.method == "GET" and one.status == other.status == HTTPStatus.OK:
            lengths[target] = pair
        if one.request.method != "HEAD" or target not in lengths or other.status != one.status:
            continue
        get_one, get_other = lengths[target]
        if pair[0] is not None and pair[0] == get_one and pair[1] != get_other:
            yield f"HEAD {target}: Content-Length {pair[1]} where GET says {get_other}"


def _form(form: Form, answer: Answer, mount: str) -> tuple[object, ...]:
    # The marks of a student are numbers: a number field for them is as good as a text.
    fields = [(name, "text" if kind == "number" else kind) for name, kind in form.fields]
    action = _below(answer.resolve(form.action) if form.action else answer.request.raw_path, mount)
    return form.method, action, form.enctype, tuple(fields), form.submits


def _below(target: str, mount: str) -> str:
    """Return an address of ours as it would be at the root, so that both can be compared."""
    if mount and (target == mount or target.startswith(f"{mount}/")):
        return target.removeprefix(mount) or "/"
    return f"outside: {target}" if mount and target.startswith("/") else target


def _plain(text: str) -> str:
    """Return a text out of which no markup comes."""
    return f"markup: {text}" if "<" in text else html.unescape(text)


def _type(answer: Answer) -> str:
    # A script may be called application/javascript too, by the age of Python's own table.
    kind = (answer.one("Content-Type") or "").lower().replace(" ", "")
    return kind.replace("application/javascript", "text/javascript")


def _allow(answer: Answer) -> frozenset[str]:
    return frozenset(word.upper() for word in _words(answer, "Allow"))


def _words(answer: Answer, name: str) -> frozenset[str]:
    joined = ",".join(answer.all(name))
    return frozenset(word.strip().lower() for word in joined.split(",") if word.strip())


def _range(answer: Answer) -> str | None:
    """Return Content-Range with the length of the whole file as N."""
    value = answer.one("Content-Range")
    if value is None or "/" not in value:
        return value
    pieces, total = value.rsplit("/", 1)
    near_end = {str(int(total) - back): f"N-{back}" for back in range(30)}
    return re.sub(r"\d+", lambda found: near_end.get(found[0], found[0]), pieces) + "/N"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")
