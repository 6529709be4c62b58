"""What the API's tests have in common: both databases, and a client that knows the description."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from quart import Quart
from werkzeug.exceptions import HTTPException

from quartapp.accounts import service as accounts
from quartapp.audit.service import Actor
from quartapp.jwt import start_session
from quartapp.testing import ApiClient
from quartapp.web.api.openapi import declared_routes
from quartapp.web.api.operations import Operation
from quartapp.web.api.tokens import NAME, scopes_of
from quartapp.web.db import app_database
from quartapp.web.problems import MEDIA_TYPE
from tests.conftest import BACKENDS

# Nobody signs in with it: these accounts get their tokens without a run of Argon2.
NO_PASSWORD = "$argon2id$none"

MakeApi = Callable[..., Awaitable["Api"]]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """The API is tested on each kind of database."""
    return str(request.param)


class Api(ApiClient):
    """A client that fails for an answer which the description does not name."""

    def __init__(
        self, app: Quart, token: str, *, account_id: int = 0, session_id: str = ""
    ) -> None:
        super().__init__(app, token)
        self.account_id = account_id
        self.session_id = session_id
        self.operations = {
            (rule.endpoint, method): declared
            for rule, declared in declared_routes(app)
            for method in rule.methods or ()
        }

    async def open(self, path: str, *, headers: Any = None, **request: Any) -> Any:
        """Send a request below /api/v1, and look at the answer."""
        answer = await super().open(f"/api/v1{path}", headers=headers, **request)
        adapter = self.app.url_map.bind("", path_info=f"/api/v1{path}".partition("?")[0])
        method = request.get("method", "GET")
        try:
            endpoint, _ = adapter.match(method=method)
        except HTTPException:  # no route: what is answered then stands in no operation
            assert answer.status_code in {404, 405}, await answer.get_data(as_text=True)
            assert answer.mimetype == MEDIA_TYPE
            return answer
        if method != "OPTIONS":
            declared = self.operations[endpoint, method]
            assert declared is not None
            await _check(declared, answer, method)
        return answer


async def _check(declared: Operation, answer: Any, method: str) -> None:
    text = await answer.get_data(as_text=True)
    if told := declared.answers.get(answer.status_code):
        assert answer.mimetype == told.media or not (text or told.model), answer.mimetype
        for name in told.headers:
            assert name in answer.headers
        if told.model and method != "HEAD":
            names = {field.serialization_alias for field in told.model.model_fields.values()}
            assert set(await answer.get_json()) <= names
        return
    assert answer.status_code in declared.all_refusals(), text
    assert answer.mimetype == MEDIA_TYPE
    if method != "HEAD":
        problem = await answer.get_json()
        assert problem["status"] == answer.status_code
        assert problem["code"]
        assert problem["request_id"] == answer.headers["X-Request-ID"]
    if answer.status_code == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def api_for(app: Quart, *, username: str = "", admin: bool = False) -> Api:
    """A client with the token of a new account."""
    async with app_database(app).writing() as db:
        account = await accounts.create(
            db,
            username=username or f"user-{uuid4().hex[:12]}",
            password_hash=NO_PASSWORD,
            is_admin=admin,
            by=Actor(None, "test"),
        )
    async with app.app_context():
        tokens = await start_session(
            accounts.subject_of(account), additional_claims=scopes_of(account), manager=NAME
        )
    return Api(app, tokens.access_token, account_id=account.id, session_id=tokens.session_id)


@pytest.fixture
def make_api(app: Quart) -> MakeApi:
    """Makes accounts and gives clients with their tokens: `username=`, `admin=`."""

    async def make(**values: Any) -> Api:
        return await api_for(app, **values)

    return make


@pytest_asyncio.fixture
async def api(app: Quart) -> Api:
    """A client with the token of somebody who may what everybody may."""
    return await api_for(app, username="ann")


@pytest_asyncio.fixture
async def admin(app: Quart) -> Api:
    """A client with the token of an admin."""
    return await api_for(app, username="root", admin=True)
