"""The client of one request: the body that it sends, and whether it is still there."""

from __future__ import annotations

import asyncio
from typing import Any

from hypercorn.typing import ASGIReceiveCallable

from quartapp.web.paced_body import PacedBody

# Seconds until somebody listens whether a client is still there, and the time of an answer counts.
PATIENCE = 0.2


class Client:
    """Takes in the body for whoever reads it, and cancels the task that answers who hangs up.

    A reader takes in what it wants next by itself, and so hears of a client that is gone. A task
    that listens is begun for everything else: it takes in what comes, whoever reads.

    It has one timer at a time, for most answers are made before the first one is due.
    """

    def __init__(
        self, body: PacedBody, receive: ASGIReceiveCallable, answering: asyncio.Task[Any]
    ) -> None:
        self.is_gone = False
        self.failure: Exception | None = None  # of the server, while the client was heard
        self._body = body
        self._receive = receive
        self._answering = answering
        self._listener: asyncio.Task[None] | None = None
        self._has_reader = False  # in the middle of taking something in
        self._is_over = False  # there is nothing to be heard any more
        self._limit: float | None = None  # seconds for which its answer may be sent
        self._is_late = False
        body.arrive = self.take
        self._timer = asyncio.get_running_loop().call_later(PATIENCE, self._grow_impatient)

    @property
    def has_said_all(self) -> bool:
        """Whether its whole body has arrived."""
        return self._body.is_whole

    def listen(self) -> None:
        """Let a task listen from now on, or as soon as a reader has taken in its part."""
        self._body.arrive = None
        if self._listener is None and not self._has_reader and not self._is_over:
            self._listener = asyncio.create_task(self._hear())

    async def take(self) -> None:
        """Take in the next part of the body, unless there is another reader just now."""
        if self._has_reader:
            self.listen()
            return
        self._has_reader = True
        try:
            if not await self._next():
                # Who reads is cancelled here, also by who waits for them, and hears nothing else.
                await asyncio.sleep(0)
        finally:
            self._has_reader = False
            if self._body.arrive is None:
                self.listen()

    def answer_within(self, seconds: float | None) -> None:
        """Take it for gone if it has not taken in the answer by then; None lets it have its time.

        Who has an answer within PATIENCE gets up to that much longer.
        """
        self._limit = seconds
        if self._is_late:
            self._limit_answer()

    def _give_up(self) -> None:
        if not self._is_over:
            self.is_gone = self._is_over = True
            self._body.break_off()
            self._answering.cancel()

    def hear_no_more(self) -> asyncio.Task[None] | None:
        """End the listening; the task that listened, if any, is to be cancelled and waited for."""
        self._is_over = True
        self._timer.cancel()
        self._body.arrive = None  # it refers to the body
        if self.is_gone:
            self._answering.uncancel()
        # Let go of, for it refers to this by what it is cancelled with.
        listener, self._listener = self._listener, None
        return listener

    def _grow_impatient(self) -> None:
        self._is_late = True
        self.listen()
        self._limit_answer()

    def _limit_answer(self) -> None:
        if self._limit is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._limit, self._give_up)

    async def _hear(self) -> None:
        while await self._next():
            """Until the client is gone."""

    async def _next(self) -> bool:
        """Take in what comes next; False if it is the client's leave, or too late."""
        try:
            message = await self._receive()
            if message["type"] == "http.request" and not self._is_over:
                await self._body.take(
                    message.get("body", b""), more=message.get("more_body", False)
                )
                return True
        except Exception as error:
            self.failure = error
        self._give_up()
        return False
