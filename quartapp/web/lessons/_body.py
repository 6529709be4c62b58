"""The JSON body of a request, refused as Flask refuses it."""

from __future__ import annotations

import json
from typing import Any

from quart import Response, jsonify, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

LARGEST = 2**20  # bytes: parsing more would hold the event loop, and everybody with it


async def json_body() -> Any:
    """The request's JSON, of whatever type it is.

    Raises UnsupportedMediaType (415) where the content type is not JSON, BadRequest (400) for
    a body that is not JSON, RequestEntityTooLarge (413) for one over 1 MiB. Quart's get_json()
    gives None for the first and fails on bytes that are not UTF-8.
    """
    if not request.is_json:
        raise UnsupportedMediaType(
            "Did not attempt to load JSON data because the request Content-Type was not"
            " 'application/json'."
        )
    data = bytearray()
    async for chunk in request.body:
        data += chunk
        if len(data) > LARGEST:
            raise RequestEntityTooLarge
    try:
        return json.loads(bytes(data))
    except RecursionError as error:
        message = "The JSON is nested too deeply"
        raise BadRequest(message, response=_refusal(message)) from error
    except ValueError as error:
        raise BadRequest(
            "The browser (or proxy) sent a request that this server could not understand."
        ) from error


def _refusal(message: str) -> Response:
    answer = jsonify(message=message)
    answer.status_code = BadRequest.code
    return answer
