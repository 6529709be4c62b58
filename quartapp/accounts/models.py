"""The table of accounts, as the tutorial has it, and those of the sign-ins."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, String, Text
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from quartapp.db.base import MYSQL_TABLE, Base


class Account(Base):
    """Somebody who may sign in. `userpwd` is an Argon2id hash, or plaintext not yet renewed."""

    __tablename__ = "t_admin"
    __table_args__ = (MYSQL_TABLE,)

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(30), unique=True)
    userpwd: Mapped[str] = mapped_column(String(100))


class Moment(TypeDecorator[datetime]):
    """An aware time, kept in UTC to the microsecond: databases keep no zone with it."""

    impl = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the database the time in UTC."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Take it from the database as one in UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class LoginSession(Base):
    """One sign-in, kept until it would have expired; see quartapp.jwt.session_store.Session."""

    __tablename__ = "login_session"
    __table_args__ = (MYSQL_TABLE,)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment)
    last_used_at: Mapped[datetime] = mapped_column(Moment)
    idle_expires_at: Mapped[datetime] = mapped_column(Moment, index=True)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    digest: Mapped[str] = mapped_column(String(64))
    previous_digest: Mapped[str | None] = mapped_column(String(64))
    successor: Mapped[str | None] = mapped_column(Text)
    generation: Mapped[int] = mapped_column(server_default="1")
    address: Mapped[str] = mapped_column(String(64), server_default="")
    device: Mapped[str] = mapped_column(String(255), server_default="")
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_reason: Mapped[str | None] = mapped_column(String(32))


class LoginKey(Base):
    """The digest of a token refused, or of a proof used up, until it would have expired."""

    __tablename__ = "login_key"
    __table_args__ = (MYSQL_TABLE,)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Moment, index=True)
