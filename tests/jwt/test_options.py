"""Options: read at each use, checked, never changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt as pyjwt
import pytest
from quart import Quart

import quartapp.jwt as ours
from tests.jwt.rows import ROWS
from tests.jwt.support import KEY, NOW, Row, bearer, build, claims, token


@pytest.mark.parametrize("row", [row for row in ROWS if row.options], ids=str)
async def test_an_option_changed_at_run_time_takes_effect(row: Row) -> None:
    app = build()
    client = app.test_client()
    await client.open(row.path, **row.request)

    app.config.update({f"JWT_{name}": value for name, value in row.options.items()})
    response = await client.open(row.path, **row.request)

    assert response.status_code == row.status
    if row.text is not None:
        assert row.text in (await response.get_json()).values()


async def test_a_key_changed_at_run_time_takes_effect(app: Quart) -> None:
    client = app.test_client()
    before, after = token(), token(key=KEY + "new")
    assert (await client.get("/protected", headers=dict(bearer(before)))).status_code == 200

    app.config["JWT_SECRET_KEY"] = KEY + "new"

    assert (await client.get("/protected", headers=dict(bearer(before)))).status_code == 422
    assert (await client.get("/protected", headers=dict(bearer(after)))).status_code == 200


async def test_a_list_of_algorithms_changed_in_place_takes_effect_and_is_not_changed() -> None:
    algorithms = ["HS384"]
    app = build(DECODE_ALGORITHMS=algorithms)
    client = app.test_client()
    hs384, hs512 = (pyjwt.encode(claims(), KEY * 2, algorithm=name) for name in ("HS384", "HS512"))
    app.config["JWT_SECRET_KEY"] = KEY * 2

    async def status(encoded: str) -> int:
        return (await client.get("/protected", headers=dict(bearer(encoded)))).status_code

    assert [await status(hs384), await status(hs512)] == [200, 422]
    assert await status(token(key=KEY * 2)) == 200
    assert algorithms == ["HS384"]

    algorithms.append("HS512")
    assert await status(hs512) == 200


@pytest.mark.parametrize("algorithms", ["HS512", ("HS512",), {"HS512"}])
async def test_algorithms_may_be_any_collection(algorithms: Any) -> None:
    app = build(SECRET_KEY=KEY * 2, DECODE_ALGORITHMS=algorithms)
    hs512 = pyjwt.encode(claims(), KEY * 2, algorithm="HS512")

    response = await app.test_client().get("/protected", headers=dict(bearer(hs512)))

    assert response.status_code == 200


async def test_the_secret_falls_back_to_that_of_the_application() -> None:
    app = build(SECRET_KEY=None)
    app.secret_key = KEY

    response = await app.test_client().get("/protected", headers=dict(bearer(token())))

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("SECRET_KEY", None),
        ("ALGORITHM", "RS256"),
        ("ALGORITHM", "none"),
        ("ALGORITHM", "FOO"),
        ("TOKEN_LOCATION", ()),
        ("TOKEN_LOCATION", 5),
        ("TOKEN_LOCATION", ["nowhere"]),
        ("TOKEN_LOCATION", "nowhere"),
        ("TOKEN_LOCATION", None),
        ("HEADER_NAME", ""),
    ],
)
async def test_a_mistake_in_an_option_is_the_server_s(option: str, value: Any) -> None:
    app = build(**{option: value})
    app.config["PROPAGATE_EXCEPTIONS"] = True
    async with app.test_request_context("/", headers=dict(bearer(token()))):
        with pytest.raises(RuntimeError, match=r"JWT_|used with none"):
            await ours.verify_jwt_in_request()


@pytest.mark.parametrize(
    ("encoded", "why"),
    [("x", "Not enough segments"), ("a.b.c", "Invalid header padding"), ("", None)],
)
async def test_without_a_key_a_token_that_is_none_is_still_refused(
    encoded: str, why: str | None
) -> None:
    client = build(SECRET_KEY=None).test_client()
    response = await client.get("/protected", headers=dict(bearer(encoded)))
    assert response.status_code == 422
    if why:
        assert (await response.get_json())["msg"] == why


async def test_a_location_that_is_none_is_the_server_s_mistake(app: Quart) -> None:
    async with app.test_request_context("/"):
        with pytest.raises(RuntimeError, match="not a valid location"):
            await ours.verify_jwt_in_request(locations=["nowhere"])


class Month:
    """Something that a time can be added to, as dateutil's relativedelta."""

    def __radd__(self, moment: Any) -> Any:
        return moment + timedelta(days=30)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(60, 60), (timedelta(minutes=2), 120), (Month(), 30 * 86_400), (False, None)],
)
@pytest.mark.parametrize("kind", ["ACCESS", "REFRESH"])
async def test_a_lifetime_may_be_seconds_or_a_duration(
    kind: str, value: Any, seconds: int | None
) -> None:
    app = build(**{f"{kind}_TOKEN_EXPIRES": value})
    create = ours.create_access_token if kind == "ACCESS" else ours.create_refresh_token

    async with app.app_context():
        made = await ours.decode_token(await create("bob"))

    assert made.get("exp", made["iat"]) - made["iat"] == (seconds or 0)
    assert ("exp" in made) is (seconds is not None)


@pytest.mark.parametrize("value", [None, True, 2.5, "15"])
async def test_a_lifetime_that_is_no_duration_is_the_server_s_mistake(value: Any) -> None:
    app = build(ACCESS_TOKEN_EXPIRES=value)

    async with app.app_context():
        with pytest.raises(RuntimeError, match="JWT_ACCESS_TOKEN_EXPIRES"):
            await ours.create_access_token("bob")


async def test_what_the_encode_options_say_stands_in_the_token() -> None:
    app = build(ENCODE_NBF=False, ENCODE_ISSUER="me", ENCODE_AUDIENCE=("a", "b"))
    app.config["JWT_COOKIE_CSRF_PROTECT"] = False

    async with app.app_context():
        made = await ours.decode_token(await ours.create_access_token("bob"))

    assert (made["iss"], made["aud"]) == ("me", ["a", "b"])
    assert "nbf" not in made
    assert "csrf" not in made


async def test_a_leeway_may_be_a_duration() -> None:
    app = build(DECODE_LEEWAY=timedelta(hours=1))

    response = await app.test_client().get("/protected", headers=dict(bearer(token(exp=NOW - 9))))

    assert response.status_code == 200


async def test_a_short_secret_warns() -> None:
    app = build(SECRET_KEY="short")

    async with app.app_context():
        with pytest.warns(pyjwt.InsecureKeyLengthWarning):
            await ours.create_access_token("bob")


@pytest.mark.parametrize("limit", [400, None])
async def test_the_length_of_a_token_is_bounded_by_an_option(limit: int | None) -> None:
    app = build(MAX_TOKEN_LENGTH=limit)

    response = await app.test_client().get(
        "/protected", headers=dict(bearer(token(more="x" * 20_000)))
    )

    assert response.status_code == (422 if limit else 200)
    if limit:
        assert await response.get_json() == {"msg": "Token is too long"}
