"""The table of answers that are kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from quartapp.db.base import MYSQL_TABLE, Base
from quartapp.db.moment import Moment

# MySQL's own TEXT ends at 64 KiB.
LongText = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


class IdempotencyKey(Base):
    """A request that is not to be carried out twice, and its answer once there is one.

    `id` is a digest of user, method, path and key, `body` one of the request's body. While
    `status` is NULL the request is still running.
    """

    __tablename__ = "idempotency_key"
    __table_args__ = (MYSQL_TABLE,)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    body: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    headers: Mapped[str | None] = mapped_column(Text)
    answer: Mapped[str | None] = mapped_column(LongText)
    created_at: Mapped[datetime] = mapped_column(Moment)
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)
