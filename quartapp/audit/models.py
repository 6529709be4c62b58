"""The table of changes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from quartapp.db.base import MYSQL_TABLE, Base
from quartapp.db.moment import Moment


class AuditEntry(Base):
    """One change: who did it, to what, to how many, and a JSON object with the particulars.

    The name of who did it is kept beside the id, so that it still says who it was when the
    account is gone.
    """

    __tablename__ = "audit_entry"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True
    )
    at: Mapped[datetime] = mapped_column(Moment)
    actor_id: Mapped[int | None]
    actor: Mapped[str] = mapped_column(String(30))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(64))
    count: Mapped[int]
    detail: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index(None, "subject", "id"),
        Index(None, "action", "at", "count"),  # the charts are drawn from it alone
        MYSQL_TABLE,
    )
