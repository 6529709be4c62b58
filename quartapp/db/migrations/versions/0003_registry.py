"""The registry: versions and orders of houses, admins, files, changes, answers kept."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from quartapp.db.adoption import refuse_to_lose_rows

revision = "0003"
down_revision = "0002"

TABLE: dict[str, Any] = {
    f"{server}_{option}": value
    for server in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}
TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ORDERS = ("project_no", "project_name", "project_address")


def upgrade() -> None:
    """Add the indexes and make the tables; the tutorial's tables keep their columns."""
    for column in ORDERS:
        op.create_index(f"ix_base_house_{column}_id", "base_house", [column, "id"])
    op.create_index("ix_login_session_created_at", "login_session", ["created_at"])
    make_status()
    make_revisions_and_changes()
    make_files_and_answers()


def make_status() -> None:
    """Make the table of what else there is to an account; the tutorial's one becomes admin."""
    status = op.create_table(
        "account_status",
        sa.Column("account_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("username", sa.String(30), nullable=False),
        sa.Column("is_admin", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("disabled_at", TIME),
        sa.PrimaryKeyConstraint("account_id", name="pk_account_status"),
        **TABLE,
    )
    accounts = sa.table("t_admin", sa.column("id"), sa.column("username"))
    admin = sa.select(accounts.c.id, accounts.c.username, sa.true()).where(
        accounts.c.username == "admin"
    )
    op.execute(status.insert().from_select(["account_id", "username", "is_admin"], admin))


def make_revisions_and_changes() -> None:
    """Make the tables of revisions and of changes."""
    op.create_table(
        "house_revision",
        sa.Column("house_id", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("house_id", name="pk_house_revision"),
        **TABLE,
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", NUMBER, nullable=False, autoincrement=True),
        sa.Column("at", TIME, nullable=False),
        sa.Column("actor_id", sa.Integer()),
        sa.Column("actor", sa.String(30), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_entry"),
        **TABLE,
    )
    op.create_index("ix_audit_entry_subject_id", "audit_entry", ["subject", "id"])
    op.create_index("ix_audit_entry_action_at_count", "audit_entry", ["action", "at", "count"])


def make_files_and_answers() -> None:
    """Make the tables of files and of answers kept."""
    op.create_table(
        "house_file",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("house_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("has_thumbnail", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("created_by", sa.String(30), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_house_file"),
        sa.UniqueConstraint("key", name="uq_house_file_key"),
        **TABLE,
    )
    op.create_index("ix_house_file_house_id_id", "house_file", ["house_id", "id"])
    op.create_table(
        "idempotency_key",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("body", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("headers", sa.Text()),
        sa.Column("answer", LONG_TEXT),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_idempotency_key"),
        **TABLE,
    )
    op.create_index("ix_idempotency_key_expires_at", "idempotency_key", ["expires_at"])


def refuse_downgrade() -> None:
    """Raise Conflict if there are files: nothing would know any more whose they are."""
    refuse_to_lose_rows(["house_file"])


def downgrade() -> None:
    """Drop what was added. Raises Conflict if there are files."""
    refuse_downgrade()
    for added in (
        "idempotency_key",
        "house_file",
        "audit_entry",
        "house_revision",
        "account_status",
    ):
        op.drop_table(added)
    op.drop_index("ix_login_session_created_at", "login_session")
    for column in ORDERS:
        op.drop_index(f"ix_base_house_{column}_id", "base_house")
