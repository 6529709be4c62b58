"""Alembic's entry: the connection is handed in by quartapp.db.migrate."""

from __future__ import annotations

from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext


def keep_step(ctx: MigrationContext, step: Any, heads: Any, run_args: Any) -> None:
    """MySQL commits every change of a table by itself: let the version follow."""
    if ctx.connection is not None and ctx.dialect.name != "sqlite":
        ctx.connection.exec_driver_sql("COMMIT")


context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    target_metadata=context.config.attributes.get("metadata"),
    render_as_batch=True,
    on_version_apply=keep_step,
)
with context.begin_transaction():
    context.run_migrations()
