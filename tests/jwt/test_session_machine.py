"""Whatever is done to sessions, in whatever order: the application answers as the model says."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

import quartapp.jwt as ours
from tests.jwt.session_app import EXPIRED, GRACE, IDLE, LIFETIME, REVOKED, build_world

Result = TypeVar("Result")


@dataclass
class Model:
    """What is to be true of one session."""

    id: str
    access: str
    created: datetime
    used: datetime
    tokens: list[str] = field(default_factory=list)
    revoked: bool = False

    def ends(self) -> datetime:
        return min(self.used + IDLE, self.created + LIFETIME)

    def is_live(self, now: datetime) -> bool:
        return not self.revoked and now < self.ends()


class Sessions(RuleBasedStateMachine):
    """Two people with any number of sessions."""

    sessions = Bundle("sessions")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        # Access tokens that never expire by themselves: only their sessions do.
        self.world = build_world(ACCESS_TOKEN_EXPIRES=False)
        self.models: dict[str, list[Model]] = {"bob": [], "eve": []}
        self.reuses = 0

    def run_async(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    @property
    def now(self) -> datetime:
        return self.world.clock.now

    @initialize(target=sessions)
    def first_sign_in(self) -> Model:
        return self.signed_in("bob")

    @rule(target=sessions, name=st.sampled_from(["bob", "eve"]))
    def sign_in(self, name: str) -> Model:
        return self.signed_in(name)

    def signed_in(self, name: str) -> Model:
        body = self.run_async(self.world.sign_in(name))
        model = Model(body["session_id"], body["access_token"], self.now, self.now)
        model.tokens.append(body["refresh_token"])
        self.models[name].append(model)
        return model

    @rule(model=sessions, count=st.integers(1, 3))
    def refresh_some_times(self, model: Model, count: int) -> None:
        for _ in range(count):
            self.refreshed(model, 0)

    @rule(model=sessions, back=st.integers(0, 3))
    def refresh(self, model: Model, back: int) -> None:
        self.refreshed(model, back)

    def refreshed(self, model: Model, back: int) -> None:
        newest = len(model.tokens) - 1
        chosen = max(0, newest - back)

        status, body = self.run_async(self.world.refresh(model.tokens[chosen]))

        if model.revoked:
            assert (status, body) == REVOKED
        elif self.now >= model.ends():
            assert (status, body) == EXPIRED
        elif chosen == newest:
            assert status == 200
            assert body["refresh_token"] not in model.tokens
            model.tokens.append(body["refresh_token"])
            model.used = self.now
        elif chosen == newest - 1 and self.now < model.used + GRACE:
            assert (status, body["refresh_token"]) == (200, model.tokens[newest])
        else:
            assert (status, body) == REVOKED
            model.revoked = True
            self.reuses += 1
        assert len(self.world.reused) == self.reuses

    @rule(model=sessions)
    def sign_out(self, model: Model) -> None:
        ended = self.run_async(self.in_app(ours.revoke_session, model.id))
        assert ended is not model.revoked
        model.revoked = True

    @rule(name=st.sampled_from(["bob", "eve"]), keep=st.integers(0, 3))
    def sign_out_everywhere(self, name: str, keep: int) -> None:
        kept = self.models[name][keep].id if keep < len(self.models[name]) else None
        live = [each for each in self.models[name] if each.is_live(self.now) and each.id != kept]

        assert self.run_async(self.in_app(ours.revoke_all_sessions, name, keep=kept)) == len(live)
        for each in live:
            each.revoked = True

    @rule(by=st.sampled_from([GRACE / 2, GRACE, timedelta(minutes=1)]))
    def wait(self, by: timedelta) -> None:
        self.world.clock.advance(by)

    @rule(by=st.sampled_from([IDLE / 2, IDLE, LIFETIME / 3]))
    def wait_long(self, by: timedelta) -> None:
        self.world.clock.advance(by)

    @invariant()
    def what_is_live_is_listed_and_lets_in(self) -> None:
        for name, models in self.models.items():
            found = self.run_async(self.in_app(ours.list_sessions, name))
            live = [each for each in models if each.is_live(self.now)]
            assert {each.id: each.generation for each in found} == {
                each.id: len(each.tokens) for each in live
            }
            for each in models:
                status = self.run_async(self.world.me({"access_token": each.access}))
                assert status == (200 if each in live else 401)

    async def in_app(self, function: Any, *arguments: Any, **named: Any) -> Any:
        async with self.world.app.app_context():
            return await function(*arguments, **named)

    def teardown(self) -> None:
        self.runner.close()


Sessions.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestSessions = pytest.mark.filterwarnings("error")(Sessions.TestCase)
