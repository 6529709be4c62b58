"""The JSON body of a request: as Flask reads it for the lessons, more strictly for the API."""

from __future__ import annotations

import json
from typing import Any, Never

from quart import Response, jsonify, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

LARGEST = 2**20  # bytes: parsing more would hold the event loop, and everybody with it
TOO_DEEP = "The JSON is nested too deeply"


async def json_body() -> Any:
    """The request's JSON, of whatever type it is, refused as Flask refuses it.

    Raises UnsupportedMediaType (415) where the content type is not JSON, BadRequest (400) for
    a body that is not JSON, RequestEntityTooLarge (413) for one over 1 MiB. Quart's get_json()
    gives None for the first and fails on bytes that are not UTF-8.
    """
    if not request.is_json:
        raise UnsupportedMediaType(
            "Did not attempt to load JSON data because the request Content-Type was not"
            " 'application/json'."
        )
    data = await limited_body()
    try:
        return json.loads(data)
    except RecursionError as error:
        raise BadRequest(TOO_DEEP, response=_refusal(TOO_DEEP)) from error
    except ValueError as error:
        raise BadRequest(
            "The browser (or proxy) sent a request that this server could not understand."
        ) from error


async def limited_body() -> bytes:
    """The request's body. Raises RequestEntityTooLarge (413) for one over 1 MiB."""
    data = bytearray()
    async for chunk in request.body:
        data += chunk
        if len(data) > LARGEST:
            raise RequestEntityTooLarge(f"The body is larger than {LARGEST} bytes.")
    return bytes(data)


def strict_json(data: bytes) -> Any:
    """JSON as RFC 8259 has it: in UTF-8, no name twice in an object, no NaN, no half characters.

    Raises BadRequest, which says what is wrong.
    """
    try:
        found = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
        json.dumps(found, ensure_ascii=False).encode()
    except RecursionError as error:
        raise BadRequest(f"{TOO_DEEP}.") from error
    except UnicodeDecodeError as error:
        raise BadRequest("The body is not UTF-8.") from error
    except UnicodeEncodeError as error:
        raise BadRequest("A text holds half of a surrogate pair.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"The body is not JSON: {error.msg} at {where}.") from error
    except ValueError as error:  # our own, and a number of thousands of digits
        raise BadRequest(f"The body cannot be taken: {error}.") from error
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("an object has a name twice")
    return made


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _refusal(message: str) -> Response:
    answer = jsonify(message=message)
    answer.status_code = BadRequest.code
    return answer
