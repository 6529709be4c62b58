"""The table of houses, as the tutorial has it, and what a registry needs besides."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String, func, select
from sqlalchemy.orm import Mapped, column_property, mapped_column

from quartapp.db.base import MYSQL_TABLE, Base
from quartapp.db.moment import Moment


class HouseRevision(Base):
    """How often a house was changed, and when last; there is none for one never changed.

    Beside the tutorial's table and not in it: other programs insert rows of four columns there.
    """

    __tablename__ = "house_revision"
    __table_args__ = (MYSQL_TABLE,)

    house_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int]
    updated_at: Mapped[datetime] = mapped_column(Moment)


class House(Base):
    """A house of the registry. `version` and `updated_at` are there where they were asked for."""

    __tablename__ = "base_house"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    project_no: Mapped[str | None] = mapped_column(String(128))
    project_name: Mapped[str | None] = mapped_column(String(256))
    project_address: Mapped[str | None] = mapped_column(String(256))

    version: Mapped[int] = column_property(
        func.coalesce(
            select(HouseRevision.version).where(HouseRevision.house_id == id).scalar_subquery(), 1
        ),
        deferred=True,
        raiseload=True,
    )
    updated_at: Mapped[datetime | None] = column_property(
        select(HouseRevision.updated_at).where(HouseRevision.house_id == id).scalar_subquery(),
        deferred=True,
        raiseload=True,
    )

    # With the id behind it each is an order without ties: what a page can go on from.
    __table_args__ = (
        Index(None, "project_no", "id"),
        Index(None, "project_name", "id"),
        Index(None, "project_address", "id"),
        MYSQL_TABLE,
    )
