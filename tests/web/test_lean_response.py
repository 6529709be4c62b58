"""A response that is a text and nothing else is Quart's own, made in fewer steps."""

from __future__ import annotations

from typing import Any

import pytest
from quart import Response

from quartapp.web.response import LeanResponse


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"response": "grüße"},
        {"response": b"\xff"},
        {"response": ""},
        {"response": "gone", "status": 410},
        {"response": "gone", "status": "410 Away"},
        {"response": "{}", "mimetype": "application/json"},
        {"response": "<x/>", "mimetype": "image/svg+xml"},
        {"response": "a", "mimetype": "text/plain; charset=latin1"},
        {"response": "a", "content_type": "text/x-odd"},
        {"response": "a", "content_type": ""},
        {"response": "a", "headers": {"X-More": "1", "content-type": "text/own"}},
        {"response": "a", "headers": {}},
        {"response": "a", "mimetype": ""},
    ],
)
async def test_it_says_what_quarts_says(arguments: dict[str, Any]) -> None:
    ours, theirs = LeanResponse(**arguments), Response(**arguments)

    assert list(ours.headers) == list(theirs.headers)
    assert ours.status == theirs.status
    assert await ours.get_data(as_text=False) == await theirs.get_data(as_text=False)
    assert vars(ours).keys() == vars(theirs).keys()


async def test_a_class_that_counts_no_length_is_left_to_quart() -> None:
    class Uncounted(LeanResponse):
        automatically_set_content_length = False

    assert "Content-Length" not in Uncounted("a").headers


async def test_so_is_one_that_tells_no_type() -> None:
    class Untold(LeanResponse):
        default_mimetype = None  # type: ignore[assignment]

    assert list(Untold("a").headers) == [("Content-Length", "1")]


@pytest.mark.parametrize("made", [LeanResponse, Response])
async def test_a_type_that_would_be_a_second_header_is_refused(made: type[Response]) -> None:
    with pytest.raises(ValueError, match="newline"):
        made("a", mimetype="text/plain\nSet-Cookie: a=b")
