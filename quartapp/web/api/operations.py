"""How a route of the API is declared: what it takes, who may come in, all that it can answer.

The decorator does what it says in one place, and the document at /api/openapi.json is made of
the same record, so that neither can say what the other does not.

    @bp.put("/houses/<house:house_id>")
    @Operation(
        id="replaceHouse",
        summary="Replace a house",
        scopes=["houses:write"],
        body=Json(HouseIn),
        headers=[IF_MATCH],
        answers={200: Answer("The house as it is now.", HouseOut, headers=["ETag"])},
        refusals={404: "There is no such house.", 412: "It was changed meanwhile."},
    )
    async def replace(house_id: str, body: HouseIn) -> Response: ...

A view of an operation gets `query` and `body` as models, where it declares them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal

from pydantic import BaseModel
from quart import Response, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from quartapp.jwt import check_scopes, get_jwt, verify_jwt_in_request
from quartapp.web.api.models import In, Query, read
from quartapp.web.json_body import limited_body, strict_json
from quartapp.web.seen import note_user

View = Callable[..., Awaitable[Response]]

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
FORM = "application/x-www-form-urlencoded"

_OPERATION = "quartapp_operation"


@dataclass(frozen=True)
class Header:
    """A header that a request may have; `pattern` is of JSON Schema, if one is refused for it."""

    name: str
    description: str
    example: str
    pattern: str = ""


_TAGS = r'^(\*|(W/)?"[!#-~]*")$'  # of several, which are taken too, nothing is said here

IF_MATCH = Header("If-Match", "Only if the thing still has this ETag.", '"0123456789abcdef"', _TAGS)
IF_NONE_MATCH = Header(
    "If-None-Match", "Only if the thing has another ETag by now.", '"0123456789abcdef"'
)
IDEMPOTENCY_KEY = Header(
    "Idempotency-Key",
    "A name for this request, 1 to 255 visible ASCII characters. Sent again within a day it gets "
    "the same answer, and nothing is done twice.",
    "8e03978e-40d5-43e8-bc93-6894a57f9324",
    "^[!-~]{1,255}$",
)


@dataclass(frozen=True)
class Json:
    """A body that is read as a model: JSON, or whatever else `media` says."""

    model: type[In]
    media: Sequence[str] = (JSON,)
    example: Mapping[str, Any] | None = None
    required: bool = True


@dataclass(frozen=True)
class Raw:
    """A body that the view reads by itself; `schema` describes it, JSON Schema."""

    media: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    example: str | None = None


@dataclass(frozen=True)
class Upload:
    """A body of several kinds, which the view tells apart and reads by itself.

    `content` describes each by its media type, as OpenAPI has it.
    """

    description: str
    content: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Answer:
    """What a route gives when all went well; without a model and schema it has no body."""

    description: str
    model: type[BaseModel] | None = None
    headers: Sequence[str] = ()
    media: str = JSON
    schema: Mapping[str, Any] | None = None
    example: Any = None


@dataclass(frozen=True, kw_only=True)
class Operation:
    """Everything that is to be known of a route, and the decorator that sees to it.

    `bearer` is the kind of token asked for, always with a look at its session; "" lets everybody
    in. `answers` are what it gives when all went well, `refusals` those that come of the view
    itself; both by their statuses.
    """

    id: str
    summary: str
    answers: Mapping[int, Answer]
    refusals: Mapping[int, str] = field(default_factory=dict)
    bearer: Literal["access", "refresh", "either", ""] = "access"
    scopes: Sequence[str] = ()
    query: type[Query] | None = None
    body: Json | Raw | Upload | None = None
    headers: Sequence[Header] = ()

    def all_refusals(self) -> dict[int, str]:
        """Every refusal, also those that come of what the route takes."""
        found = {503: "The database could not do it now."}
        if self.bearer:
            found[401] = "The token is missing, expired, revoked, or none."
        if self.scopes:
            found[403] = f"The token lacks a scope: {' '.join(self.scopes)}."
        if self.bearer or self.query or self.body or self.headers:
            found[400] = "The request is malformed."
        if self.query or self.body:
            found[422] = "A value cannot be taken."
        if self.body:
            found[413] = "The body is too large."
            found[415] = "The body has a type that is not taken here."
        if IDEMPOTENCY_KEY in self.headers:
            found[409] = "The first request with this key is still running."
        return found | dict(self.refusals)

    def __call__(self, view: View) -> View:
        """Guard a view, and read for it what it takes."""

        @wraps(view)
        async def guarded(**path: Any) -> Response:
            if self.bearer == "refresh" and "Authorization" not in request.headers:
                await self._token_of_body()
            await self._let_in()
            given: dict[str, Any] = {}
            if self.query:
                given["query"] = _query(self.query)
            if isinstance(self.body, Json) and self.bearer != "refresh":
                given["body"] = await _body(self.body)
            if isinstance(self.body, Raw) and request.mimetype != self.body.media:
                raise UnsupportedMediaType(f"The body must be {self.body.media}.")
            return await view(**path, **given)

        vars(guarded)[_OPERATION] = self
        return guarded

    async def _token_of_body(self) -> None:
        """Let a refresh token in the body count as one in the header."""
        if isinstance(self.body, Json) and request.mimetype:
            body: Any = await _body(self.body)
            request.headers["Authorization"] = f"Bearer {body.refresh_token}"

    async def _let_in(self) -> None:
        """Ask for the token. Raises what quartapp.jwt raises."""
        if not self.bearer:
            return
        await verify_jwt_in_request(
            refresh=self.bearer == "refresh",
            verify_type=self.bearer != "either",
            check_session=True,
        )
        note_user(str(get_jwt()["sub"]).partition(":")[0])
        if self.scopes:
            check_scopes(*self.scopes)


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """What was declared of a view."""
    found: Operation | None = getattr(view, _OPERATION, None)
    return found


def answer(
    body: BaseModel,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    include: Any = None,
) -> Response:
    """A model as JSON; `include` names the fields that are wanted, as pydantic takes them."""
    text = body.model_dump_json(by_alias=True, include=include)
    return Response(text.encode(), status, dict(headers or {}), content_type=JSON)


def nothing() -> Response:
    """The answer 204: it is done, and there is no more to say."""
    done = Response(b"", 204)
    del done.content_type
    return done


def _query(model: type[Query]) -> Query:
    return read(model, _once_each(request.args.lists()), place="parameter")


async def _body(wanted: Json) -> In:
    """The body as a model. Raises BadRequest, UnsupportedMediaType, RequestEntityTooLarge."""
    if request.mimetype not in wanted.media:
        raise UnsupportedMediaType(f"The body must be {' or '.join(wanted.media)}.")
    if request.mimetype == FORM:
        return read(wanted.model, _once_each((await request.form).lists()))
    return read(wanted.model, strict_json(await limited_body()))


def _once_each(fields: Iterable[tuple[str, list[str]]]) -> dict[str, str]:
    found = {}
    for name, values in fields:
        if len(values) > 1:
            raise BadRequest(f"{name} is there more than once.")
        found[name] = values[0]
    return found
