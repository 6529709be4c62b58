"""The table of files."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from quartapp.db.base import MYSQL_TABLE, Base
from quartapp.db.moment import Moment


class HouseFile(Base):
    """A file of a house. `key` is where the storage has it, `name` what people call it.

    `media_type` was recognised by the content, `size` is in bytes, `sha256` in hexadecimal.
    """

    __tablename__ = "house_file"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    house_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(64), unique=True)
    has_thumbnail: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[datetime] = mapped_column(Moment)
    created_by: Mapped[str] = mapped_column(String(30))

    __table_args__ = (Index(None, "house_id", "id"), MYSQL_TABLE)
