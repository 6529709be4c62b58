"""Taking over tables that another program made: what is in the way, and how they are brought up.

MySQL cannot take a change of a table back, so everything is looked at before the first one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from alembic import op
from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    func,
    inspect,
    or_,
    select,
)
from sqlalchemy import table as table_named
from sqlalchemy.schema import CreateColumn

from quartapp.core.errors import CannotAdopt, Conflict

LARGEST = 2**31 - 1  # of an INTEGER
SHOWN = 100  # problems listed of one table; more would only hide the first


def create_or_adopt(tables: Sequence[Table]) -> None:
    """Make the tables, or bring those that exist to the same shape, their rows kept.

    Raises CannotAdopt, with nothing changed, if rows or columns stand in the way.
    """
    connection = op.get_bind()
    names = inspect(connection).get_table_names()
    existing = [table for table in tables if table.name in names]
    problems = [problem for table in existing for problem in _problems(connection, table)]
    if problems:
        raise CannotAdopt(problems)
    for table in tables:
        if table not in existing:
            table.create(connection)
        elif connection.dialect.name == "sqlite":
            _rebuild(table)
        else:
            _convert(connection, table)


def refuse_to_lose_rows(names: Sequence[str]) -> None:
    """Raise Conflict if one of the tables, which are to be dropped, holds rows."""
    for name in names:
        count = op.get_bind().scalar(select(func.count()).select_from(table_named(name)))
        if count:
            raise Conflict(f"{name} holds {count} rows, which would be lost; nothing was changed")


def _problems(connection: Connection, table: Table) -> Iterator[str]:
    found = _reflected(connection, table)
    missing = [column.name for column in table.columns if column.name not in found.columns]
    if missing:
        yield f"{table.name} has no column {', '.join(missing)}"
        return
    if list(found.primary_key.columns.keys()) != list(table.primary_key.columns.keys()):
        yield f"{table.name}: {', '.join(table.primary_key.columns.keys())} is not its primary key"
        return
    for column in found.columns:
        ours = table.columns.get(column.name)
        if ours is None and _must_be_filled(column):
            yield f"{table.name}.{column.name} must have a value and has no default"
        elif ours is not None and _is_number(ours) and not _is_number(column):
            yield f"{table.name}.{column.name} is no whole number"
            return
    yield from _references(connection, table)
    for number, problem in enumerate(_bad_rows(connection, table, found)):
        if number == SHOWN:
            yield f"{table.name}: … and more"
            return
        yield problem


def _references(connection: Connection, table: Table) -> Iterator[str]:
    """Foreign keys to a text column: MySQL does not convert one side of them alone."""
    if connection.dialect.name == "sqlite":
        return
    texts = [column.name for column in table.columns if isinstance(column.type, String)]
    rows = connection.exec_driver_sql(
        "SELECT table_name, column_name, referenced_column_name"
        " FROM information_schema.key_column_usage"
        " WHERE referenced_table_schema = DATABASE() AND referenced_table_name = %s",
        (table.name,),
    )
    for other, column, referenced in rows:
        if referenced in texts:
            yield f"{other}.{column} has a foreign key to {table.name}.{referenced}"


def _bad_rows(connection: Connection, table: Table, found: Table) -> Iterator[str]:
    """The rows that the table in its new shape could not hold."""
    (key,) = found.primary_key.columns
    required = [c for c in table.columns if not c.nullable and not c.primary_key]
    for column in required:
        rows = select(key).where(found.c[column.name].is_(None)).order_by(key)
        for (id,) in connection.execute(rows):
            yield f"{table.name} {key.name} {id}: {column.name} is NULL"
    if connection.dialect.name != "sqlite":
        yield from _too_long(connection, table, found)
        yield from _too_large(connection, table, found)
    for unique in _unique_names(table):
        yield from _clashes(connection, table, unique, found)


def _too_long(connection: Connection, table: Table, found: Table) -> Iterator[str]:
    (key,) = found.primary_key.columns
    limits = {c.name: c.type.length for c in table.columns if isinstance(c.type, String)}
    over = [func.char_length(found.c[name]) > length for name, length in limits.items()]
    values = select(key, *(func.char_length(found.c[name]).label(name) for name in limits))
    for row in connection.execute(values.where(or_(*over)).order_by(key)):
        for name, length in zip(limits, row[1:], strict=True):
            limit = limits[name]
            if limit is not None and length is not None and length > limit:
                yield f"{table.name} {key.name} {row[0]}: {name} has more than {limit} characters"


def _too_large(connection: Connection, table: Table, found: Table) -> Iterator[str]:
    (key,) = found.primary_key.columns
    for column in filter(_is_number, table.columns):
        values = select(key, found.c[column.name]).where(found.c[column.name] > LARGEST)
        for id, _ in connection.execute(values.order_by(key)):
            yield f"{table.name} {key.name} {id}: {column.name} is larger than {LARGEST}"


def _clashes(connection: Connection, table: Table, name: str, found: Table) -> Iterator[str]:
    """Rows whose value another one has too, as the new unique index sees it."""
    (key,) = found.primary_key.columns
    seen: dict[str, list[tuple[object, str]]] = {}
    for id, value in connection.execute(select(key, found.c[name]).order_by(key)):
        if value is not None:
            # utf8mb4_bin takes no notice of spaces at the end.
            same = str(value) if connection.dialect.name == "sqlite" else str(value).rstrip(" ")
            seen.setdefault(same, []).append((id, str(value)))
    for group in seen.values():
        if len(group) > 1:
            for id, value in group:
                others = ", ".join(str(other) for other, _ in group if other != id)
                yield f"{table.name} {key.name} {id}: {name} {value!r} is also that of {others}"


def _rebuild(table: Table) -> None:
    """SQLite: a new table under the old name, with whatever columns it had besides."""
    found = _reflected(op.get_bind(), table)
    whole = table.to_metadata(MetaData())
    for column in found.columns:
        if column.name not in table.columns:
            whole.append_column(column._copy())
    for index in found.indexes:
        columns = [whole.c[column.name] for column in index.columns]
        Index(index.name, *columns, unique=index.unique)
    with op.batch_alter_table(table.name, copy_from=whole, recreate="always"):
        pass


def _convert(connection: Connection, table: Table) -> None:
    """MySQL: everything in one statement, so that the table is either converted or as it was."""
    quote = connection.dialect.identifier_preparer.quote
    steps = ["ENGINE = InnoDB", "CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"]
    for column in table.columns:
        steps.append(f"MODIFY COLUMN {CreateColumn(column).compile(dialect=connection.dialect)}")
    present = inspect(connection).get_indexes(table.name)
    for unique in table.constraints:
        if isinstance(unique, UniqueConstraint):
            names = [column.name for column in unique.columns]
            for index in present:
                if index["unique"] and index["column_names"] == names:
                    steps.append(f"DROP INDEX {quote(str(index['name']))}")
            columns = ", ".join(map(quote, names))
            steps.append(f"ADD CONSTRAINT {quote(str(unique.name))} UNIQUE ({columns})")
    connection.exec_driver_sql(f"ALTER TABLE {quote(table.name)} {', '.join(steps)}")


def _reflected(connection: Connection, table: Table) -> Table:
    return Table(table.name, MetaData(), autoload_with=connection, resolve_fks=False)


def _is_number(column: Column[Any]) -> bool:
    return isinstance(column.type, Integer)


def _must_be_filled(column: Column[Any]) -> bool:
    return not (column.nullable or column.server_default is not None or column.computed)


def _unique_names(table: Table) -> list[str]:
    """The columns that the primary key or a unique constraint of one column stands on."""
    constraints = (c for c in table.constraints if isinstance(c, UniqueConstraint))
    single = [next(iter(c.columns)).name for c in constraints if len(c.columns) == 1]
    texts = [c.name for c in table.primary_key.columns if isinstance(c.type, String)]
    return texts + single
