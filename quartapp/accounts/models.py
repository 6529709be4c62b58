"""The table of accounts, as the tutorial has it, and those of the sign-ins."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

from sqlalchemy import String, Table, Text, false, func, select
from sqlalchemy.orm import Mapped, column_property, mapped_column

from quartapp.db.base import MYSQL_TABLE, Base
from quartapp.db.moment import Moment


class AccountStatus(Base):
    """What the tutorial's table has no room for; an account without a row is an ordinary one.

    It counts for the account of that id and that name: a database may give the id of one that
    is gone to the next.
    """

    __tablename__ = "account_status"
    __table_args__ = (MYSQL_TABLE,)

    account_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    username: Mapped[str] = mapped_column(String(30))
    is_admin: Mapped[bool] = mapped_column(server_default=false())
    disabled_at: Mapped[datetime | None] = mapped_column(Moment)


class Account(Base):
    """Somebody who may sign in, unless disabled.

    `userpwd` is an Argon2id hash, or plaintext not yet renewed. An admin keeps the accounts.
    """

    __tablename__ = "t_admin"
    __table_args__ = (MYSQL_TABLE,)

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(30), unique=True)
    userpwd: Mapped[str] = mapped_column(String(100))

    if TYPE_CHECKING:  # loaded with the rest from account_status; see below
        is_admin: Mapped[bool]
        disabled_at: Mapped[datetime | None]


ACCOUNT: Final = cast(Table, Account.__table__)
_STATUS: Final = cast(Table, AccountStatus.__table__)
_OF_ACCOUNT: Final = _STATUS.c.account_id == ACCOUNT.c.id, _STATUS.c.username == ACCOUNT.c.username
IS_ADMIN: Final = func.coalesce(
    select(_STATUS.c.is_admin).where(*_OF_ACCOUNT).scalar_subquery(), false()
)
DISABLED_AT: Final = select(_STATUS.c.disabled_at).where(*_OF_ACCOUNT).scalar_subquery()
Account.is_admin = column_property(IS_ADMIN)
Account.disabled_at = column_property(DISABLED_AT)


class LoginSession(Base):
    """One sign-in, kept until it would have expired; see quartapp.jwt.session_store.Session."""

    __tablename__ = "login_session"
    __table_args__ = (MYSQL_TABLE,)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment, index=True)
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
