"""The two tables of the tutorial: base_house and t_admin."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TABLE = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "base_house",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("project_no", sa.String(128)),
        sa.Column("project_name", sa.String(256)),
        sa.Column("project_address", sa.String(256)),
        sa.PrimaryKeyConstraint("id", name="pk_base_house"),
        **TABLE,
    )
    op.create_table(
        "t_admin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(30), nullable=False),
        sa.Column("userpwd", sa.String(100), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_t_admin"),
        sa.UniqueConstraint("username", name="uq_t_admin_username"),
        **TABLE,
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("t_admin")
    op.drop_table("base_house")
