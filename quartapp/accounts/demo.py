"""The demo account, for a first look at an empty database."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from quartapp.accounts import service
from quartapp.accounts.models import Account
from quartapp.audit.service import Actor

USERNAME = "admin"
PASSWORD = "123456"  # noqa: S105 - the tutorial prints it; `quartapp check --deploy` refuses it


async def sow_admin(db: AsyncSession, *, password_hash: str) -> bool:
    """Put the admin into an empty table; False if it holds any account already."""
    if await db.scalar(select(Account.id).limit(1)) is not None:
        return False
    by = Actor(None, "first start")
    await service.create(db, username=USERNAME, password_hash=password_hash, by=by)
    return True
