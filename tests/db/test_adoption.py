"""Tables that another program made are taken over with their rows, or left exactly as they are."""

from __future__ import annotations

from typing import Any

import pytest

from quartapp.accounts.login import authenticate
from quartapp.accounts.passwords import Passwords
from quartapp.accounts.service import create
from quartapp.app import METADATA
from quartapp.audit.service import Actor
from quartapp.core.errors import CannotAdopt
from quartapp.db import migrate
from quartapp.db.database import Database
from tests.db.helpers import ADMINS, HOUSES, make_tutorial_tables, run, schema

PEOPLE = "SELECT id, username, userpwd FROM t_admin ORDER BY id"


async def fresh_schema(database: Database) -> dict[str, object]:
    """What a database of the same kind looks like that was empty before; empties this one."""
    await migrate.upgrade(database)
    found = await schema(database)
    await migrate.downgrade(database, "base")
    await run(database, "DROP TABLE quartapp_version")
    return found


async def refused(database: Database) -> list[str]:
    """Upgrade, see that it is refused with nothing changed, and give back the problems."""
    before = await schema(database), await run(database, PEOPLE)
    with pytest.raises(CannotAdopt) as caught:
        await migrate.upgrade(database)
    assert (await schema(database), await run(database, PEOPLE)) == before
    return caught.value.problems


async def test_a_tutorial_database_is_taken_over_with_its_rows(empty_database: Database) -> None:
    fresh = await fresh_schema(empty_database)
    await make_tutorial_tables(empty_database)
    await run(
        empty_database,
        "INSERT INTO base_house VALUES ('1', NULL, '', '阳光'), ('2', 'P', 'a', 'b')",
        "INSERT INTO t_admin VALUES (1, 'admin', '123456'), (7, '王', 'geheim')",
    )

    await migrate.upgrade(empty_database)

    assert await schema(empty_database) == fresh
    assert await migrate.differences(empty_database, METADATA) == []
    assert await run(empty_database, "SELECT * FROM base_house ORDER BY id") == [
        ("1", None, "", "阳光"),
        ("2", "P", "a", "b"),
    ]
    assert await run(empty_database, PEOPLE) == [(1, "admin", "123456"), (7, "王", "geheim")]


@pytest.mark.parametrize("table", [HOUSES, ADMINS])
async def test_one_table_that_exists_is_taken_over_and_the_other_made(
    empty_database: Database, table: str
) -> None:
    fresh = await fresh_schema(empty_database)
    await run(empty_database, table)

    await migrate.upgrade(empty_database)

    assert await schema(empty_database) == fresh


async def test_the_flask_programs_go_on_working_on_the_same_tables(
    empty_database: Database,
) -> None:
    await make_tutorial_tables(empty_database)
    await migrate.upgrade(empty_database)

    await run(
        empty_database,
        "INSERT INTO t_admin (username, userpwd) VALUES ('flask', 'plain')",
        "INSERT INTO t_admin (id, username, userpwd) VALUES (99, 'other', 'plain')",
        "INSERT INTO base_house (id) VALUES ('9')",
        "INSERT INTO base_house VALUES ('10', 'a', 'b', 'c')",
    )

    assert len(await run(empty_database, PEOPLE)) == 2


async def test_whoever_had_an_account_signs_in_and_new_ones_are_made(
    empty_database: Database,
) -> None:
    await make_tutorial_tables(empty_database)
    await run(empty_database, "INSERT INTO t_admin VALUES (5, 'admin', '123456')")
    await migrate.upgrade(empty_database)
    passwords = Passwords()

    signed_in = await authenticate(empty_database, passwords, username="admin", password="123456")
    async with empty_database.writing() as db:
        password_hash = await passwords.hash("x")
        new = await create(
            db, username="new", password_hash=password_hash, by=Actor(None, "a test")
        )
    passwords.close()

    assert signed_in is not None
    assert (signed_in.id, new.id) == (5, 6)


async def test_names_and_passwords_that_are_null_or_doubled_are_listed(
    empty_database: Database,
) -> None:
    await make_tutorial_tables(empty_database)
    await run(
        empty_database,
        "INSERT INTO t_admin VALUES (1, 'admin', 'x'), (2, NULL, 'x'), (3, 'admin', 'x'),"
        " (4, 'null', NULL), (5, 'fine', 'x')",
    )

    assert await refused(empty_database) == [
        "t_admin id 2: username is NULL",
        "t_admin id 4: userpwd is NULL",
        "t_admin id 1: username 'admin' is also that of 3",
        "t_admin id 3: username 'admin' is also that of 1",
    ]


async def test_after_the_rows_are_mended_the_upgrade_goes_through(
    empty_database: Database,
) -> None:
    await make_tutorial_tables(empty_database)
    await run(empty_database, "INSERT INTO t_admin VALUES (1, NULL, 'x')")
    await refused(empty_database)

    await run(empty_database, "UPDATE t_admin SET username = 'admin'")
    await migrate.upgrade(empty_database)

    assert await migrate.differences(empty_database, METADATA) == []


async def test_a_long_list_of_problems_is_cut(empty_database: Database) -> None:
    await make_tutorial_tables(empty_database)
    rows = ", ".join(f"({n}, NULL, 'x')" for n in range(1, 201))
    await run(empty_database, f"INSERT INTO t_admin VALUES {rows}")

    problems = await refused(empty_database)

    assert (len(problems), problems[-1]) == (101, "t_admin: … and more")


async def test_other_tables_and_columns_are_left_alone(empty_database: Database) -> None:
    await make_tutorial_tables(empty_database)
    await run(
        empty_database,
        "ALTER TABLE base_house ADD COLUMN price integer DEFAULT 7",
        "CREATE INDEX by_price ON base_house (price)",
        "CREATE TABLE students (id integer PRIMARY KEY)",
        "INSERT INTO base_house (id, price) VALUES ('1', 42)",
    )

    await migrate.upgrade(empty_database)

    assert await migrate.differences(empty_database, METADATA) == []
    assert await run(empty_database, "SELECT id, price FROM base_house") == [("1", 42)]
    assert "students" in await schema(empty_database)


async def test_the_revisions_of_flask_migrate_are_its_own(empty_database: Database) -> None:
    await make_tutorial_tables(empty_database)
    await run(
        empty_database,
        "CREATE TABLE alembic_version (version_num varchar(32) NOT NULL PRIMARY KEY)",
        "INSERT INTO alembic_version VALUES ('ae1027a6acf')",
    )

    await migrate.upgrade(empty_database)

    assert await migrate.current(empty_database) == migrate.head()
    assert await migrate.differences(empty_database, METADATA) == []
    assert await run(empty_database, "SELECT * FROM alembic_version") == [("ae1027a6acf",)]


@pytest.mark.parametrize(
    ("statements", "problem"),
    [
        (
            ["ALTER TABLE t_admin ADD COLUMN email varchar(9) NOT NULL DEFAULT ''"],
            None,
        ),
        (
            [
                "DROP TABLE t_admin",
                "CREATE TABLE t_admin (id integer PRIMARY KEY,"
                " username varchar(30), userpwd varchar(100), email varchar(9) NOT NULL)",
            ],
            "t_admin.email must have a value and has no default",
        ),
        (
            [
                "DROP TABLE t_admin",
                "CREATE TABLE t_admin (id integer PRIMARY KEY,"
                " username varchar(30), password varchar(100), userpwd2 varchar(9))",
            ],
            "t_admin has no column userpwd",
        ),
        (
            [
                "DROP TABLE t_admin",
                "CREATE TABLE t_admin (id integer,"
                " username varchar(30) PRIMARY KEY, userpwd varchar(100))",
            ],
            "t_admin: id is not its primary key",
        ),
    ],
)
async def test_tables_of_another_shape_are_refused(
    empty_database: Database, statements: list[str], problem: str | None
) -> None:
    await make_tutorial_tables(empty_database)
    await run(empty_database, *statements)
    before = await schema(empty_database)

    if problem is None:
        await migrate.upgrade(empty_database)
        return
    with pytest.raises(CannotAdopt) as caught:
        await migrate.upgrade(empty_database)

    assert caught.value.problems == [problem]
    assert await schema(empty_database) == before


class TestOnMySQL:
    """What only MySQL's types, character sets and engines bring with them."""

    @pytest.fixture
    def backend(self) -> str:
        return "mysql"

    async def test_names_that_clash_by_spaces_at_the_end_are_listed(
        self, empty_database: Database
    ) -> None:
        await make_tutorial_tables(empty_database)
        await run(empty_database, "INSERT INTO t_admin VALUES (1, 'a', 'x'), (2, 'a ', 'x')")

        assert await refused(empty_database) == [
            "t_admin id 1: username 'a' is also that of 2",
            "t_admin id 2: username 'a ' is also that of 1",
        ]

    async def test_names_that_differ_in_case_or_accents_become_two(
        self, empty_database: Database
    ) -> None:
        await make_tutorial_tables(empty_database)
        await run(
            empty_database,
            "INSERT INTO t_admin VALUES (1, 'a1', 'one'), (2, 'A1', 'two'), (3, 'ä1', 'three')",
        )
        await migrate.upgrade(empty_database)
        passwords = Passwords()

        found = [
            await authenticate(empty_database, passwords, username=name, password=password)
            for name, password in [("a1", "one"), ("A1", "two"), ("ä1", "three"), ("a1", "two")]
        ]
        passwords.close()

        assert [account and account.id for account in found] == [1, 2, 3, None]

    async def test_emoji_fit_after_the_upgrade(self, empty_database: Database) -> None:
        await make_tutorial_tables(empty_database)
        await migrate.upgrade(empty_database)

        await run(
            empty_database, "INSERT INTO base_house (id, project_name) VALUES ('😀', '🏠阳光')"
        )

        assert await run(empty_database, "SELECT id, project_name FROM base_house") == [
            ("😀", "🏠阳光")
        ]

    @pytest.mark.parametrize("options", [" ENGINE=MyISAM DEFAULT CHARSET=latin1", ""])
    async def test_other_engines_and_character_sets_are_converted(
        self, empty_database: Database, options: str
    ) -> None:
        fresh = await fresh_schema(empty_database)
        await make_tutorial_tables(empty_database, options)
        await run(empty_database, "INSERT INTO t_admin VALUES (1, 'Zoë', 'x')")

        await migrate.upgrade(empty_database)

        tables = await schema(empty_database)
        assert tables["base_house"] == fresh["base_house"]
        assert await run(empty_database, PEOPLE) == [(1, "Zoë", "x")]

    async def test_an_account_with_the_id_0_keeps_it(self, empty_database: Database) -> None:
        await make_tutorial_tables(empty_database)
        await run(
            empty_database,
            "INSERT INTO t_admin VALUES (0, 'zero', 'x'), (1, 'one', 'x')",
        )

        await migrate.upgrade(empty_database)

        assert await run(empty_database, PEOPLE) == [(0, "zero", "x"), (1, "one", "x")]

    async def test_a_unique_index_by_another_name_is_replaced(
        self, empty_database: Database
    ) -> None:
        fresh = await fresh_schema(empty_database)
        await make_tutorial_tables(empty_database)
        await run(empty_database, "ALTER TABLE t_admin ADD UNIQUE (username)")

        await migrate.upgrade(empty_database)

        assert await schema(empty_database) == fresh

    async def test_values_too_long_for_the_columns_are_listed(
        self, empty_database: Database
    ) -> None:
        await make_tutorial_tables(empty_database)
        await run(
            empty_database,
            "ALTER TABLE t_admin MODIFY username varchar(200), MODIFY userpwd text",
            f"INSERT INTO t_admin VALUES (1, '{'n' * 31}', '{'p' * 101}'), (2, 'fits', 'x')",
        )

        assert await refused(empty_database) == [
            "t_admin id 1: username has more than 30 characters",
            "t_admin id 1: userpwd has more than 100 characters",
        ]

    @pytest.mark.parametrize(
        ("kind", "value", "problem"),
        [
            ("bigint", "2147483648", "t_admin id 2147483648: id is larger than 2147483647"),
            ("varchar(9)", "'one'", "t_admin.id is no whole number"),
        ],
    )
    async def test_ids_that_are_no_integers_are_refused(
        self, empty_database: Database, kind: str, value: str, problem: str
    ) -> None:
        await make_tutorial_tables(empty_database)
        await run(
            empty_database,
            f"ALTER TABLE t_admin MODIFY id {kind} NOT NULL",
            f"INSERT INTO t_admin VALUES ({value}, 'admin', 'x')",
        )

        assert await refused(empty_database) == [problem]

    @pytest.mark.parametrize(
        ("column", "target", "allowed"),
        [("integer", "t_admin (id)", True), ("varchar(64)", "base_house (id)", False)],
    )
    async def test_a_foreign_key_to_a_text_is_named_and_one_to_a_number_goes_on(
        self, empty_database: Database, column: str, target: str, allowed: bool
    ) -> None:
        await make_tutorial_tables(empty_database)
        await run(
            empty_database,
            f"CREATE TABLE visits (of {column}, FOREIGN KEY (of) REFERENCES {target})"
            " ENGINE=InnoDB DEFAULT CHARSET=utf8",
        )

        if allowed:
            await migrate.upgrade(empty_database)
        else:
            assert await refused(empty_database) == ["visits.of has a foreign key to base_house.id"]

    async def test_what_an_interrupted_upgrade_left_is_brought_to_its_end(
        self, empty_database: Database
    ) -> None:
        fresh = await fresh_schema(empty_database)
        await make_tutorial_tables(empty_database)
        await run(
            empty_database,
            "ALTER TABLE base_house CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        )

        await migrate.upgrade(empty_database)

        assert await schema(empty_database) == fresh


def test_the_message_for_people_holds_every_problem() -> None:
    error: Any = CannotAdopt(["one", "two"])

    assert str(error).endswith("nothing was changed:\n  one\n  two")
