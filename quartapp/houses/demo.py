"""The demo rows: 25 houses, for a first look at an empty database."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.audit.service import Actor
from quartapp.houses import csv_lines, transfer
from quartapp.houses.models import House

CSV = Path(__file__).with_name("demo.csv")


async def sow_houses(db: AsyncSession) -> int:
    """Put the demo rows into an empty table and say how many; 0 if it holds any row already."""
    if await db.scalar(select(House.id).limit(1)) is not None:
        return 0
    lines = (await asyncio.to_thread(CSV.read_bytes)).splitlines(keepends=True)
    rows = csv_lines.parse(lines)
    return (await transfer.load(db, rows=rows, by=Actor(None, "demo"))).count
