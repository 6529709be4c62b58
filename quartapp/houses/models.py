"""The table of houses, as the tutorial has it."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from quartapp.db.base import MYSQL_TABLE, Base


class House(Base):
    """A house of the registry."""

    __tablename__ = "base_house"
    __table_args__ = (MYSQL_TABLE,)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project_no: Mapped[str | None] = mapped_column(String(128))
    project_name: Mapped[str | None] = mapped_column(String(256))
    project_address: Mapped[str | None] = mapped_column(String(256))
