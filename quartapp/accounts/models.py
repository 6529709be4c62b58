"""The table of accounts, as the tutorial has it."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from quartapp.db.base import MYSQL_TABLE, Base


class Account(Base):
    """Somebody who may sign in. `userpwd` is an Argon2id hash, or plaintext not yet renewed."""

    __tablename__ = "t_admin"
    __table_args__ = (MYSQL_TABLE,)

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(30), unique=True)
    userpwd: Mapped[str] = mapped_column(String(100))
