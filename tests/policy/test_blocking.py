"""The detector of blocking calls is on, and sees ours."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from blockbuster import BlockingError

from quartapp.settings import kept_secret


async def test_a_call_that_blocks_the_loop_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BlockingError):
        kept_secret(tmp_path / "secret")


async def test_the_same_call_in_a_thread_is_none(tmp_path: Path) -> None:
    assert len(await asyncio.to_thread(kept_secret, tmp_path / "secret")) >= 43
