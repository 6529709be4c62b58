"""Whatever is changed in a valid token, the answer is a refusal."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from quart import Quart

from tests.jwt.support import build
from tests.jwt.token_rows import ACCESS

REFUSALS = {400, 401, 422}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# Neither fields of a header (commas, white space) nor anything else around the token: that
# is how a token is carried, and no part of it.
characters = st.one_of(
    st.sampled_from(ALPHABET + ".=+/%"), st.characters(exclude_characters=", \t\r\n\f\v")
)


def replaced(position: int, character: str) -> str:
    return ACCESS[:position] + character + ACCESS[position + 1 :]


def flipped(segment: int, position: int, bit: int) -> str:
    """Change one bit of what a segment encodes: still base64url, still well-formed."""
    segments = ACCESS.split(".")
    data = bytearray(base64.urlsafe_b64decode(segments[segment] + "=="))
    data[position % len(data)] ^= 1 << bit
    segments[segment] = base64.urlsafe_b64encode(bytes(data)).rstrip(b"=").decode()
    return ".".join(segments)


positions = st.integers(0, len(ACCESS) - 1)
mutations = st.one_of(
    st.builds(replaced, positions, characters),
    st.builds(flipped, st.integers(0, 2), st.integers(0, 999), st.integers(0, 7)),
    st.builds(lambda at, what: ACCESS[:at] + what + ACCESS[at:], positions, st.text(characters)),
    st.builds(lambda at: ACCESS[:at] + ACCESS[at + 1 :], positions),
    st.builds(lambda a, b: ACCESS[min(a, b) : max(a, b)], positions, positions),
    st.builds(lambda what: ACCESS + what, st.text(characters, min_size=1)),
    st.permutations(ACCESS.split(".")).map(".".join),
    st.builds(lambda at: ACCESS[:at] + ACCESS[at].swapcase() + ACCESS[at + 1 :], positions),
).filter(lambda mutated: mutated != ACCESS)


async def statuses(app: Quart, encoded: str) -> list[int]:
    client = app.test_client(use_cookies=False)
    requests: list[dict[str, Any]] = [
        {"json": {"access_token": encoded}},
        {"query_string": {"jwt": encoded.encode("utf-8", "surrogatepass")}},
    ]
    # What stands in a header here is what can be sent in one.
    if encoded.isascii() and encoded.isprintable():
        requests.append({"headers": {"Authorization": f"Bearer {encoded}"}})
        if not set(encoded) & {";", '"', "\\"}:
            requests.append({"headers": {"Cookie": f"access_token_cookie={encoded}"}})
    return [
        (await client.open("/protected", method="GET", **request)).status_code
        for request in requests
    ]


@pytest.fixture(scope="module")
def everywhere() -> Quart:
    """An application that looks for tokens in every place."""
    return build(TOKEN_LOCATION=["json", "query_string", "headers", "cookies"])


def test_a_mutated_token_is_refused_everywhere(everywhere: Quart) -> None:
    loop = asyncio.new_event_loop()

    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(mutated=mutations)
    def refused(mutated: str) -> None:
        for status in loop.run_until_complete(statuses(everywhere, mutated)):
            assert status in REFUSALS

    try:
        assert loop.run_until_complete(statuses(everywhere, ACCESS)) == [200] * 4
        refused()
    finally:
        loop.close()


@pytest.mark.parametrize("position", range(len(ACCESS)))
async def test_no_character_of_a_token_can_be_replaced(everywhere: Quart, position: int) -> None:
    other = "A" if ACCESS[position] != "A" else "B"
    client = everywhere.test_client()

    response = await client.get(
        "/protected", headers={"Authorization": f"Bearer {replaced(position, other)}"}
    )

    assert response.status_code in REFUSALS
