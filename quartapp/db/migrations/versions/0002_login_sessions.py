"""Sign-ins: login_session, and login_key for tokens refused and proofs used up."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"

TABLE: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
# To the microsecond: the grace of a rotation is a matter of seconds.
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "login_session",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_used_at", TIME, nullable=False),
        sa.Column("idle_expires_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("previous_digest", sa.String(64)),
        sa.Column("successor", sa.Text()),
        sa.Column("generation", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("address", sa.String(64), nullable=False, server_default=""),
        sa.Column("device", sa.String(255), nullable=False, server_default=""),
        sa.Column("revoked_at", TIME),
        sa.Column("revoked_reason", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name="pk_login_session"),
        **TABLE,
    )
    op.create_index("ix_login_session_subject", "login_session", ["subject"])
    op.create_index("ix_login_session_idle_expires_at", "login_session", ["idle_expires_at"])
    op.create_table(
        "login_key",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_key"),
        **TABLE,
    )
    op.create_index("ix_login_key_expires_at", "login_key", ["expires_at"])


def downgrade() -> None:
    """Drop the tables: everybody signs in again."""
    op.drop_table("login_key")
    op.drop_table("login_session")
