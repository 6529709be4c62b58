"""The two tables of the tutorial: base_house and t_admin, made or taken over with their rows."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from quartapp.db.adoption import create_or_adopt, refuse_to_lose_rows

revision = "0001"
down_revision = None

TABLE: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}

metadata = sa.MetaData()
base_house = sa.Table(
    "base_house",
    metadata,
    sa.Column("id", sa.String(64), nullable=False),
    sa.Column("project_no", sa.String(128)),
    sa.Column("project_name", sa.String(256)),
    sa.Column("project_address", sa.String(256)),
    sa.PrimaryKeyConstraint("id", name="pk_base_house"),
    **TABLE,
)
t_admin = sa.Table(
    "t_admin",
    metadata,
    sa.Column("id", sa.Integer(), nullable=False, autoincrement=True),
    sa.Column("username", sa.String(30), nullable=False),
    sa.Column("userpwd", sa.String(100), nullable=False),
    sa.PrimaryKeyConstraint("id", name="pk_t_admin"),
    sa.UniqueConstraint("username", name="uq_t_admin_username"),
    **TABLE,
)


def upgrade() -> None:
    """Make the tables, or adopt those that exist. Raises CannotAdopt with nothing changed."""
    create_or_adopt([base_house, t_admin])


def refuse_downgrade() -> None:
    """Raise Conflict if one of the tables holds rows."""
    refuse_to_lose_rows(["base_house", "t_admin"])


def downgrade() -> None:
    """Drop the tables. Raises Conflict if one of them holds rows."""
    refuse_downgrade()
    op.drop_table("t_admin")
    op.drop_table("base_house")
