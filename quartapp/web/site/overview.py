"""What happened of late: the first page after signing in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

from quart import Blueprint, render_template, request
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.accounts import service as accounts
from quartapp.audit import service as audit
from quartapp.audit.models import AuditEntry
from quartapp.core.clock import now
from quartapp.db.counting import Count
from quartapp.files import service as files
from quartapp.houses import service as houses
from quartapp.web.db import reading
from quartapp.web.guards import person, signed_in
from quartapp.web.house_path import escaped

DAYS = 14
LATEST = 12
HOUSES = ("house.created", "house.imported")
FILES = ("file.added",)
OF_HOUSES = frozenset({"house", "file"})  # what everybody may see of the changes

bp = Blueprint("overview", __name__)


@dataclass(frozen=True)
class Chart:
    """How many there were on each of some days, the last one today."""

    days: list[tuple[date, Count]]

    @property
    def total(self) -> Count:
        """How many there were on all the days."""
        counts = [count for _, count in self.days]
        return Count(sum(each.number for each in counts), all(each.exact for each in counts))

    @property
    def most(self) -> int:
        """How many there were on the best day; 1 if there were none, to divide by."""
        return max(1, *(count.number for _, count in self.days))


@bp.get("/overview")
@signed_in
async def index() -> str:
    """Show numbers, charts and the latest changes."""
    async with reading() as db:
        numbers = await _numbers(db)
        charts = await _charts(db)
        of = () if person().is_admin else OF_HOUSES
        latest = await audit.latest(db, limit=LATEST, of=of)
    return await render_template(
        "site/overview/overview.html", numbers=numbers, charts=charts, changes=list(_told(latest))
    )


async def _numbers(db: AsyncSession) -> dict[str, Count]:
    return {
        "houses": await houses.total(db),
        "files": await files.total(db),
        "people": await accounts.signed_in(db),
    }


async def _charts(db: AsyncSession) -> dict[str, Chart]:
    days = [now().date() - timedelta(days=back) for back in reversed(range(DAYS))]
    since = datetime.combine(days[0], time(), UTC)
    counted = {
        "houses": await audit.counts_by_day(db, actions=HOUSES, since=since),
        "files": await audit.counts_by_day(db, actions=FILES, since=since),
        "sign_ins": await accounts.sign_ins_by_day(db, since=since),
    }
    return {
        name: Chart([(day, found.get(day, Count(0))) for day in days])
        for name, found in counted.items()
    }


def _told(entries: Sequence[AuditEntry]) -> Iterator[dict[str, Any]]:
    """The entries as the page shows them; a house that is gone since has no address."""
    gone: set[str] = set()
    for entry in entries:
        if entry.action == "house.deleted":
            gone.add(entry.subject)
        is_there = not entry.action.startswith("account.") and entry.subject not in gone
        path = f"{request.root_path}/house/{quote(escaped(entry.subject), safe='')}"
        yield {"entry": entry, "address": path if is_there else ""}
