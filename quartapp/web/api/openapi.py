"""The description of the API: OpenAPI 3.1, made of what its routes declare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema
from quart import Quart
from werkzeug.routing import Rule

from quartapp import __version__
from quartapp.web.api.operations import Answer, Header, Json, Operation, Raw, Upload, operation_of
from quartapp.web.api.tokens import SCOPES
from quartapp.web.problems import MEDIA_TYPE

ROOT = "/api/v1"
SCHEMAS = "#/components/schemas/"
BEARER = "bearer"

PATH_VALUES = {
    "house_id": (
        "The id of a house. `~` is written `~0`, `/` is `~1`; of an id that is `.` or `..` the"
        " dots are `~2`, and the empty id is `~3`.",
        "0199f0a2-6f5e-7cc3-9f2a-1d1f6a7b8c9d",
    ),
    "file_id": ("The id of a file.", "0199f0a26f5e7cc39f2a1d1f6a7b8c9d"),
    "session_id": ("The id of a session.", "5f0c5a3e9b3c4d0f8a7e6d5c4b3a2910"),
    "person_id": ("The id of an account.", 7),
}
RESPONSE_HEADERS: dict[str, tuple[str, Any]] = {
    "ETag": ("What the thing is known by, until it changes.", '"0123456789abcdef"'),
    "Location": ("Where the new thing is.", "/api/v1/houses/SZ-1"),
    "Link": (
        "Where to go on: first, prev, next, last (RFC 8288).",
        '</api/v1/houses?page=2>; rel="next"',
    ),
    "Content-Disposition": ("The name of the file.", "attachment; filename=houses.csv"),
    "WWW-Authenticate": (
        "What is wrong with the token (RFC 6750).",
        'Bearer error="invalid_token"',
    ),
    "Retry-After": ("Seconds after which to try again.", 2),
    "X-Request-ID": ("The name of this request in the log.", "0199f0a26f5e7cc39f2a1d1f6a7b8c9d"),
}
OF_STATUS = {
    401: ["WWW-Authenticate"],
    403: ["WWW-Authenticate"],
    429: ["Retry-After"],
    503: ["Retry-After"],
}
CODES = {429: "rate-limited"}  # of examples, where it is not the status in words

DESCRIPTION = """\
Houses, their files, and the people who keep them.

Every refusal is `application/problem+json` (RFC 9457) with a stable `code`; where values of a body
are refused, `errors` names each of them by a JSON pointer. A token is had at `signIn`; `refresh`
changes its refresh token, which is good once, for new ones."""


class ProblemError(BaseModel):
    """One value that is refused: where it stands, and why."""

    pointer: str | None = None
    parameter: str | None = None
    code: str
    detail: str


class Problem(BaseModel):
    """Why a request was refused (RFC 9457); `code` is stable, and for programs."""

    type: str
    title: str
    status: int
    detail: str | None = None
    code: str
    errors: list[ProblemError] | None = None
    request_id: str | None = None


def document(app: Quart) -> dict[str, Any]:
    """The whole description of an application's API."""
    routes = [(rule, declared) for rule, declared in declared_routes(app) if declared]
    paths: dict[str, dict[str, Any]] = {}
    for rule, declared in routes:
        for method in methods_of(rule):
            paths.setdefault(_path(rule), {})[method.lower()] = _operation(rule, declared)
    return {
        "openapi": "3.1.0",
        "info": {"title": "quartapp", "version": __version__, "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": _schemas(declared for _, declared in routes),
            "headers": {name: _header(*told) for name, told in RESPONSE_HEADERS.items()},
            "securitySchemes": {
                BEARER: {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The access token of `signIn`. Scopes: "
                    + " ".join(f"`{name}`: {what}" for name, what in SCOPES.items()),
                }
            },
        },
    }


def declared_routes(app: Quart) -> Iterator[tuple[Rule, Operation | None]]:
    """Every route below /api/v1 and what it declares; None if it does not."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(f"{ROOT}/"):
            yield rule, operation_of(app.view_functions[rule.endpoint])


def methods_of(rule: Rule) -> list[str]:
    """The methods that a route was made for: HEAD and OPTIONS come by themselves."""
    return sorted(set(rule.methods or ()) - {"HEAD", "OPTIONS"})


def _path(rule: Rule) -> str:
    return re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule)


def _operation(rule: Rule, declared: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": declared.id,
        "summary": declared.summary,
        "tags": [rule.endpoint.split(".")[1]],
        "parameters": [*_path_parameters(rule), *_query_parameters(declared)]
        + [_request_header(header) for header in declared.headers],
        "responses": {
            **{str(status): _answer(told) for status, told in declared.answers.items()},
            **{
                str(status): _refusal(status, why)
                for status, why in sorted(declared.all_refusals().items())
            },
        },
        "security": [{BEARER: list(declared.scopes)}] if declared.bearer else [],
    }
    if declared.body:
        found["requestBody"] = _body(declared.body)
    return found


def _path_parameters(rule: Rule) -> Iterator[dict[str, Any]]:
    for name in sorted(rule.arguments, key=rule.rule.index):
        description, example = PATH_VALUES[name]
        schema = {"type": "integer", "minimum": 0} if isinstance(example, int) else _SEGMENT
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": description,
            "schema": schema,
            "example": example,
        }


def _query_parameters(declared: Operation) -> Iterator[dict[str, Any]]:
    if declared.query is None:
        return
    for name, schema in declared.query.model_json_schema()["properties"].items():
        told = _without_titles(_without_null(schema))
        description = told.pop("description")
        yield {"name": name, "in": "query", "description": description, "schema": told}


def _request_header(header: Header) -> dict[str, Any]:
    limits = {"pattern": header.pattern} if header.pattern else {}
    return {
        "name": header.name,
        "in": "header",
        "description": header.description,
        "schema": {"type": "string", **limits},
        "example": header.example,
    }


def _body(body: Json | Raw | Upload) -> dict[str, Any]:
    if isinstance(body, Upload):
        kinds = {media: dict(told) for media, told in body.content.items()}
        return {"description": body.description, "content": kinds, "required": True}
    if isinstance(body, Raw):
        content: dict[str, Any] = {"schema": dict(body.schema)}
        if body.example is not None:
            content["example"] = body.example
        described = {"description": body.description, "content": {body.media: content}}
        return {**described, "required": True}
    content = {"schema": {"$ref": SCHEMAS + body.model.__name__}}
    if body.example is not None:
        content["example"] = dict(body.example)
    return {"content": dict.fromkeys(body.media, content), "required": body.required}


def _answer(told: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": told.description,
        "headers": _headers([*told.headers, "X-Request-ID"]),
    }
    schema = {"$ref": SCHEMAS + told.model.__name__} if told.model else told.schema
    if schema is not None:
        content = {"schema": schema} | ({"example": told.example} if told.example else {})
        found["content"] = {told.media: content}
    return found


def _refusal(status: int, why: str) -> dict[str, Any]:
    title = HTTPStatus(status).phrase
    code = CODES.get(status) or title.lower().replace(" ", "-")
    example = {"type": "about:blank", "title": title, "status": status, "code": code, "detail": why}
    return {
        "description": why,
        "headers": _headers([*OF_STATUS.get(status, ()), "X-Request-ID"]),
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"{SCHEMAS}Problem"}, "example": example}},
    }


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _header(description: str, example: Any) -> dict[str, Any]:
    kind = "integer" if isinstance(example, int) else "string"
    return {"description": description, "schema": {"type": kind}, "example": example}


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "validation"): None}
    for declared in operations:
        if isinstance(declared.body, Json):
            wanted[declared.body.model, "validation"] = None
        for told in declared.answers.values():
            if told.model:
                wanted[told.model, "serialization"] = None
    _, definitions = models_json_schema(list(wanted), ref_template=SCHEMAS + "{model}")
    schemas: dict[str, Any] = definitions["$defs"]
    return _without_titles(schemas)


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema of what may be left out, as one of what may be there."""
    if "anyOf" not in schema:
        return dict(schema)
    [kind] = [each for each in schema["anyOf"] if each != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name not in _OF_NULL}
    return {**kind, **rest}


def _without_titles(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without the names that pydantic makes up for each field."""
    kept: dict[str, Any] = {}
    for name, value in schema.items():
        if isinstance(value, Mapping):
            kept[name] = _without_titles(value)
        elif name != "title":
            kept[name] = value
    return kept


_OF_NULL = {"anyOf", "default"}
_SEGMENT = {"type": "string", "minLength": 1, "pattern": "^[^/]+$"}
