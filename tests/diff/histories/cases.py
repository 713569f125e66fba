"""Histories that a comparison by physical rows gets wrong first: one table each."""

from dataclasses import dataclass
from typing import Final

from tests.diff.histories.shapes import Shape
from tests.diff.histories.stories import Step, Story

Said = tuple[int, str]
"""A session (0 commits each statement) and what it executes; `@` is the table."""


@dataclass(frozen=True)
class Case:
    """What happens, and what the comparison has to say."""

    name: str
    made: tuple[str, ...]
    before: tuple[Said, ...] = ()
    original: tuple[Said, ...] = ()
    copy: tuple[Said, ...] = ()
    differences: tuple[int, int, int] = (0, 0, 0)
    """Rows removed, added, changed."""
    headers: bool = True
    """Whether the comparison by row headers is possible, and therefore chosen."""
    premise: str | None = None
    """A query that has to answer the same on both sides, or the case is not what it says."""
    proves: str | None = None
    """A query that has to be true of the original, or the case is not what it says."""

    def story(self) -> Story:
        """The case as it is played."""
        shape = Shape(self.name, {}, False, {})

        def steps(said: tuple[Said, ...]) -> list[Step]:
            return [Step(session, self.sql(text)) for session, text in said]

        made = [self.sql(text) for text in self.made]
        return Story(0, shape, made, steps(self.before), steps(self.original), steps(self.copy))

    def sql(self, text: str) -> str:
        """The text with the table's name in it."""
        return text.replace("@", self.name)


KEYED: Final = (
    "CREATE TABLE @ (id int PRIMARY KEY, v text, w int) WITH (fillfactor = 80)",
    "INSERT INTO @ SELECT n, 'x' || n, n FROM generate_series(1, 400) n",
    "VACUUM @",
)
BAG: Final = (
    "CREATE TABLE @ (v text, w int)",
    "INSERT INTO @ SELECT 'x' || n / 2, n / 2 FROM generate_series(0, 399) n",
)

FIRST: Final = (
    # Both sides assign the same transaction ids from the fork on. It has to be played first, and is:
    # it is open at the fork, and that comes first.
    Case(
        "same_xid_other_row",
        KEYED,
        before=((2, "BEGIN"),),
        original=(
            (2, "COMMIT"),
            *((0, f"UPDATE @ SET v = 'P' WHERE id = {n}") for n in range(1, 22)),
        ),
        copy=tuple((0, f"UPDATE @ SET v = '{'P' if n < 11 else 'R'}' WHERE id = {n}") for n in range(1, 22)),
        differences=(0, 0, 11),
        premise="SELECT string_agg(format('%s %s', ctid, xmin), ',' ORDER BY ctid) FROM @",
    ),
)
LATER: Final = (
    Case("untouched", KEYED),
    Case(
        "open_at_the_fork_commits",
        KEYED,
        before=(
            (2, "BEGIN"),
            (2, "INSERT INTO @ VALUES (1001, 'new', 1)"),
            (2, "UPDATE @ SET v = 'y' WHERE id = 1"),
            (2, "DELETE FROM @ WHERE id = 2"),
        ),
        original=(
            (2, "INSERT INTO @ VALUES (1002, 'new', 1)"),
            (2, "UPDATE @ SET v = 'y' WHERE id = 3"),
            (2, "DELETE FROM @ WHERE id = 4"),
            (2, "COMMIT"),
        ),
        differences=(2, 2, 2),
    ),
    Case(
        "open_at_the_fork_rolls_back",
        KEYED,
        before=((2, "BEGIN"), (2, "DELETE FROM @ WHERE id < 100"), (2, "INSERT INTO @ VALUES (1001, '', 1)")),
        original=((2, "UPDATE @ SET v = 'y'"), (2, "ROLLBACK"), (0, "VACUUM @")),
    ),
    # An old row's place is used again by a transaction older than the fork: the same place, both xmin old.
    Case(
        "places_used_again_by_an_old_transaction",
        (
            "CREATE TABLE @ (id int PRIMARY KEY, v text, w int)",
            "INSERT INTO @ SELECT n, 'x', n FROM generate_series(1, 100) n",
        ),
        before=(
            (2, "BEGIN"),
            (2, "DELETE FROM @ WHERE id <= 20"),
            (3, "BEGIN"),
            (3, "SELECT pg_current_xact_id()"),
            (0, "CREATE TABLE @_written_after_it ()"),
        ),
        original=(
            (2, "COMMIT"),
            (0, "VACUUM @"),
            (3, "INSERT INTO @ SELECT n, 'y', n FROM generate_series(1001, 1020) n"),
            (3, "COMMIT"),
        ),
        differences=(20, 20, 0),
        premise="SELECT string_agg(ctid::text, ',' ORDER BY ctid) FROM @",
    ),
    Case(
        "prepared_at_the_fork_committed_here_rolled_back_there",
        KEYED,
        before=(
            (1, "BEGIN"),
            (1, "UPDATE @ SET v = 'y' WHERE id <= 5"),
            (1, "DELETE FROM @ WHERE id = 6"),
            (1, "INSERT INTO @ VALUES (1001, '', 1)"),
            (1, "PREPARE TRANSACTION '@'"),
        ),
        original=((0, "COMMIT PREPARED '@'"), (0, "VACUUM @")),
        copy=((0, "ROLLBACK PREPARED '@'"), (0, "VACUUM @")),
        differences=(1, 1, 5),
    ),
    Case(
        "prepared_at_the_fork_rolled_back_here_committed_there",
        KEYED,
        before=(
            (1, "BEGIN"),
            (1, "UPDATE @ SET v = 'y' WHERE id <= 5"),
            (1, "DELETE FROM @ WHERE id = 6"),
            (1, "INSERT INTO @ VALUES (1001, '', 1)"),
            (1, "PREPARE TRANSACTION '@'"),
        ),
        original=((0, "ROLLBACK PREPARED '@'"), (0, "VACUUM @")),
        copy=((0, "COMMIT PREPARED '@'"), (0, "VACUUM @")),
        differences=(1, 1, 5),
    ),
    Case(
        "prepared_at_the_fork_committed_on_both",
        KEYED,
        before=(
            (1, "BEGIN"),
            (1, "UPDATE @ SET v = 'y' WHERE id <= 5"),
            (1, "PREPARE TRANSACTION '@'"),
        ),
        original=((0, "COMMIT PREPARED '@'"),),
        copy=((0, "COMMIT PREPARED '@'"),),
    ),
    Case(
        "savepoints_and_aborted",
        KEYED,
        before=(
            (2, "BEGIN"),
            (2, "SAVEPOINT a"),
            (2, "UPDATE @ SET v = 'kept' WHERE id = 1"),
            (2, "RELEASE a"),
        ),
        original=(
            (2, "SAVEPOINT b"),
            (2, "DELETE FROM @"),
            (2, "ROLLBACK TO b"),
            (2, "SAVEPOINT c"),
            (2, "UPDATE @ SET v = 'kept' WHERE id = 2"),
            (2, "COMMIT"),
            (1, "BEGIN"),
            (1, "DELETE FROM @ WHERE id < 300"),
            (1, "INSERT INTO @ VALUES (1001, '', 1)"),
            (1, "ROLLBACK"),
        ),
        differences=(0, 0, 2),
    ),
    Case("frozen_on_one_side", KEYED, original=((0, "VACUUM FREEZE @"),)),
    Case(
        "frozen_on_the_other_side",
        KEYED,
        before=((0, "DELETE FROM @ WHERE id % 7 = 0"),),
        copy=((0, "VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) @"),),
    ),
    Case(
        "rewritten_on_one_side",
        KEYED,
        original=((0, "DELETE FROM @ WHERE id <= 100"), (0, "VACUUM FULL @")),
        differences=(100, 0, 0),
        headers=False,
    ),
    Case(
        "rewritten_on_both_sides_without_a_key",
        BAG,
        original=((0, "DELETE FROM @ WHERE w = 100"), (0, "VACUUM FULL @")),
        copy=((0, "VACUUM FULL @"),),
        differences=(2, 0, 0),
        headers=False,
    ),
    Case(
        "clustered",
        KEYED,
        original=(
            (0, "CREATE INDEX @_w ON @ (v)"),
            (0, "CLUSTER @ USING @_w"),
            (0, "DELETE FROM @ WHERE id = 7"),
        ),
        differences=(1, 0, 0),
        headers=False,
    ),
    Case(
        "truncated_and_reloaded",
        KEYED,
        original=(
            (0, "CREATE TEMP TABLE @_kept AS SELECT * FROM @ WHERE id > 10"),
            (0, "TRUNCATE @"),
            (0, "INSERT INTO @ SELECT * FROM @_kept"),
        ),
        differences=(10, 0, 0),
        headers=False,
    ),
    Case("truncated", KEYED, original=((0, "TRUNCATE @"),), differences=(400, 0, 0), headers=False),
    Case(
        "truncated_without_a_key", BAG, original=((0, "TRUNCATE @"),), differences=(400, 0, 0), headers=False
    ),
    Case(
        "file_shortened_and_grown_again",
        (
            "CREATE TABLE @ (id int PRIMARY KEY, v text, w int)",
            "INSERT INTO @ SELECT n, repeat('x', 800), n FROM generate_series(1, 400) n",
        ),
        original=(
            (0, "DELETE FROM @ WHERE id > 50"),
            (0, "VACUUM @"),
            (0, "INSERT INTO @ SELECT n, repeat('y', 800), n FROM generate_series(301, 500) n"),
        ),
        differences=(250, 100, 100),
        proves="SELECT max(ctid) < '(30,0)' FROM @",
    ),
    Case(
        "hot_chains",
        KEYED,
        before=tuple((0, f"UPDATE @ SET w = {n} WHERE id <= 5") for n in range(5)),
        original=(
            *((0, f"UPDATE @ SET w = w + {n} WHERE id <= 9") for n in (1, 2, -3)),
            (0, "SELECT count(*) FROM @"),
            (0, "UPDATE @ SET w = 77 WHERE id = 3"),
        ),
        differences=(0, 0, 1),
    ),
    Case(
        "row_locks_only",
        KEYED,
        before=((2, "BEGIN"), (2, "SELECT FROM @ WHERE id < 9 FOR KEY SHARE")),
        original=(
            (1, "BEGIN"),
            (1, "SELECT FROM @ WHERE id < 20 FOR SHARE"),
            (3, "BEGIN"),
            (3, "SELECT FROM @ WHERE id < 20 FOR SHARE"),
            (1, "COMMIT"),
            (3, "COMMIT"),
            (2, "COMMIT"),
            (1, "BEGIN"),
            (1, "SELECT FROM @ FOR UPDATE"),
            (1, "COMMIT"),
        ),
    ),
    Case(
        "written_and_the_same",
        KEYED,
        original=(
            (0, "UPDATE @ SET v = v WHERE id < 50"),
            (0, "WITH d AS (DELETE FROM @ WHERE id > 380 RETURNING *) INSERT INTO @ SELECT * FROM d"),
            (0, "UPDATE @ SET w = -w WHERE id = 100"),
            (0, "UPDATE @ SET w = -w WHERE id = 100"),
        ),
    ),
    Case(
        "print_changes_and_value_does_not",
        (
            "CREATE TABLE @ (id int PRIMARY KEY, n numeric, f float8, j jsonb, i interval, a int[])",
            """INSERT INTO @ SELECT n, 1.0, 0, '{"a": 1.0}', '1 month', '{1}' FROM generate_series(1, 9) n""",
        ),
        original=(
            (0, "UPDATE @ SET n = 1.00 WHERE id = 1"),
            (0, "UPDATE @ SET f = '-0' WHERE id = 2"),
            (0, """UPDATE @ SET j = '{"a": 1.00}' WHERE id = 3"""),
            (0, "UPDATE @ SET i = '30 days' WHERE id = 4"),
            (0, "UPDATE @ SET a = '[0:0]={1}' WHERE id = 6"),
        ),
        differences=(0, 0, 5),
    ),
    Case(
        "key_changes_in_print",
        (
            "CREATE TABLE @ (k numeric, s char(4), f float8, v int, PRIMARY KEY (k, s, f))",
            "INSERT INTO @ SELECT n::numeric, 'a', 0, n FROM generate_series(1, 90) n",
        ),
        original=(
            (0, "UPDATE @ SET k = k + 0.00, f = '-0' WHERE k <= 4"),
            (0, "UPDATE @ SET v = 0 WHERE k = 1"),
        ),
        differences=(0, 0, 4),
    ),
    Case(
        "keys_swapped_between_rows",
        KEYED,
        original=((0, "UPDATE @ SET id = -id WHERE id < 3"), (0, "UPDATE @ SET id = id + 3 WHERE id < 0")),
        differences=(0, 0, 2),
    ),
    Case(
        "long_values",
        (
            "CREATE TABLE @ (id int PRIMARY KEY, v text, w int)",
            "ALTER TABLE @ ALTER v SET STORAGE external",
            "INSERT INTO @ SELECT n, repeat(md5(n::text), 200), n FROM generate_series(1, 60) n",
        ),
        original=(
            (0, "UPDATE @ SET w = 0 WHERE id = 1"),
            (0, "UPDATE @ SET v = v || 'x' WHERE id = 2"),
            (0, "UPDATE @ SET v = v || '' WHERE id = 3"),
        ),
        differences=(0, 0, 2),
    ),
    Case(
        "twins_without_a_key",
        BAG,
        original=(
            (0, "UPDATE @ SET v = 'both' WHERE w = 7"),
            (0, "DELETE FROM @ WHERE ctid = (SELECT min(ctid) FROM @ WHERE w = 20)"),
            (0, "INSERT INTO @ SELECT v, w FROM @ WHERE w = 30"),
        ),
        differences=(3, 4, 0),
    ),
    Case(
        "places_of_equal_rows_change_without_a_key",
        BAG,
        original=((0, "UPDATE @ SET w = w"), (0, "VACUUM @"), (0, "UPDATE @ SET v = v || ''")),
    ),
    Case(
        "column_added_with_a_default", KEYED, original=((0, "ALTER TABLE @ ADD new int NOT NULL DEFAULT 5"),)
    ),
    Case(
        "column_added_and_rows_written",
        KEYED,
        original=(
            (0, "ALTER TABLE @ ADD new int DEFAULT 5"),
            (0, "UPDATE @ SET new = 6 WHERE id <= 10"),
            (0, "UPDATE @ SET w = 6 WHERE id = 1"),
        ),
        differences=(0, 0, 1),
    ),
    Case(
        "column_dropped_and_made_again",
        KEYED,
        original=((0, "ALTER TABLE @ DROP w"), (0, "ALTER TABLE @ ADD w int DEFAULT 5")),
        differences=(0, 0, 399),
        headers=False,
    ),
    Case(
        "columns_swap_names",
        (
            "CREATE TABLE @ (id int PRIMARY KEY, a int, b int)",
            "INSERT INTO @ SELECT n, n, n % 10 FROM generate_series(1, 50) n",
        ),
        original=(
            (0, "ALTER TABLE @ RENAME a TO c"),
            (0, "ALTER TABLE @ RENAME b TO a"),
            (0, "ALTER TABLE @ RENAME c TO b"),
        ),
        differences=(0, 0, 41),
        headers=False,
    ),
    Case("type_widened", KEYED, original=((0, "ALTER TABLE @ ALTER w TYPE bigint"),), headers=False),
    Case(
        "type_changed_without_a_rewrite",
        (
            "CREATE TABLE @ (id int PRIMARY KEY, v varchar(9), b bit varying(8), c cidr)",
            "INSERT INTO @ SELECT n, 'x', '101', '10.0.0.0/24' FROM generate_series(1, 50) n",
        ),
        original=((0, "ALTER TABLE @ ALTER v TYPE text, ALTER b TYPE bit varying"),),
        headers=True,
    ),
    Case(
        "print_of_a_type_changed_without_a_rewrite",
        (
            "CREATE TABLE @ (id int PRIMARY KEY, c cidr)",
            "INSERT INTO @ SELECT n, '10.0.0.1/32' FROM generate_series(1, 50) n",
        ),
        original=((0, "ALTER TABLE @ ALTER c TYPE inet"),),
        differences=(0, 0, 50),
        headers=False,
    ),
    Case(
        "label_of_an_enum_renamed",
        (
            "CREATE TYPE @_e AS ENUM ('a', 'b')",
            "CREATE TABLE @ (id int PRIMARY KEY, e @_e, f @_e[])",
            "INSERT INTO @ SELECT n, 'a', '{b}' FROM generate_series(1, 50) n",
        ),
        original=((0, "ALTER TYPE @_e RENAME VALUE 'a' TO 'z'"),),
        differences=(0, 0, 50),
        headers=False,
    ),
    Case(
        "attribute_of_a_composite_added",
        (
            "CREATE TYPE @_c AS (a int)",
            "CREATE DOMAIN @_d AS @_c",
            "CREATE TABLE @ (id int PRIMARY KEY, c @_c, d @_d[])",
            "INSERT INTO @ SELECT n, row(1)::@_c, ARRAY[row(2)::@_c] FROM generate_series(1, 50) n",
        ),
        original=((0, "ALTER TYPE @_c ADD ATTRIBUTE b int"),),
        differences=(0, 0, 50),
        headers=False,
    ),
    Case(
        "label_within_a_composite_renamed",
        (
            "CREATE TYPE @_e AS ENUM ('a', 'b')",
            "CREATE TYPE @_c AS (e @_e)",
            "CREATE TABLE @ (id int PRIMARY KEY, c @_c)",
            "INSERT INTO @ SELECT n, row('a')::@_c FROM generate_series(1, 50) n",
        ),
        original=((0, "ALTER TYPE @_e RENAME VALUE 'a' TO 'z'"),),
        differences=(0, 0, 50),
        headers=False,
    ),
    Case(
        "name_that_a_value_prints_changed",
        (
            "CREATE TABLE @_named ()",
            "CREATE DOMAIN @_d AS regclass",
            "CREATE TABLE @ (id int PRIMARY KEY, c regclass, d @_d[])",
            "INSERT INTO @ SELECT n, '@_named', ARRAY['@_named'::@_d] FROM generate_series(1, 50) n",
        ),
        original=((0, "ALTER TABLE @_named RENAME TO @_renamed"),),
        differences=(0, 0, 50),
        headers=False,
    ),
    Case(
        "partition_key_updated",
        (
            "CREATE TABLE @ (id int, p int, v text, PRIMARY KEY (id, p)) PARTITION BY LIST (p)",
            "CREATE TABLE @_1 PARTITION OF @ FOR VALUES IN (1)",
            "CREATE TABLE @_2 PARTITION OF @ FOR VALUES IN (2) PARTITION BY RANGE (id)",
            "CREATE TABLE @_21 PARTITION OF @_2 FOR VALUES FROM (0) TO (100)",
            "CREATE TABLE @_r PARTITION OF @ DEFAULT",
            "INSERT INTO @ SELECT n, n % 4, 'x' FROM generate_series(1, 99) n",
        ),
        original=(
            (0, "UPDATE @ SET p = 9 WHERE p = 1 AND id < 20"),
            (0, "UPDATE @ SET v = 'y' WHERE id = 2"),
        ),
        differences=(5, 5, 1),
    ),
    Case(
        "row_moves_to_another_partition_and_keeps_its_key",
        (
            "CREATE TABLE @ (id int NOT NULL, v text) PARTITION BY RANGE (id)",
            "CREATE TABLE @_1 PARTITION OF @ FOR VALUES FROM (0) TO (50)",
            "CREATE TABLE @_2 PARTITION OF @ FOR VALUES FROM (50) TO (100)",
            "CREATE UNIQUE INDEX ON @ (id)",
            "INSERT INTO @ SELECT n, 'x' FROM generate_series(1, 99) n",
        ),
        original=(
            (0, "ALTER TABLE @ DETACH PARTITION @_2"),
            (0, "ALTER TABLE @ DETACH PARTITION @_1"),
            (0, "CREATE TABLE @_3 PARTITION OF @ FOR VALUES FROM (0) TO (100)"),
            (0, "INSERT INTO @ SELECT * FROM @_1 UNION ALL SELECT * FROM @_2"),
            (0, "UPDATE @ SET v = 'y' WHERE id = 60"),
        ),
        differences=(0, 0, 1),
        headers=False,
    ),
    Case(
        "partition_detached_changed_and_attached",
        (
            "CREATE TABLE @ (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
            "CREATE TABLE @_1 PARTITION OF @ FOR VALUES FROM (0) TO (50)",
            "CREATE TABLE @_2 PARTITION OF @ FOR VALUES FROM (50) TO (100)",
            "INSERT INTO @ SELECT n, 'x' FROM generate_series(1, 99) n",
        ),
        original=(
            (0, "ALTER TABLE @ DETACH PARTITION @_2"),
            (0, "DELETE FROM @_2 WHERE id = 70"),
            (0, "ALTER TABLE @ ATTACH PARTITION @_2 FOR VALUES FROM (50) TO (100)"),
        ),
        differences=(1, 0, 0),
    ),
    Case(
        "partitions_swap_names",
        (
            "CREATE TABLE @ (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
            "CREATE TABLE @_1 PARTITION OF @ FOR VALUES FROM (0) TO (50)",
            "CREATE TABLE @_2 PARTITION OF @ FOR VALUES FROM (50) TO (100)",
            "INSERT INTO @ SELECT n, 'x' FROM generate_series(1, 99) n",
        ),
        original=(
            (0, "ALTER TABLE @_1 RENAME TO @_3"),
            (0, "ALTER TABLE @_2 RENAME TO @_1"),
            (0, "ALTER TABLE @_3 RENAME TO @_2"),
            (0, "UPDATE @ SET v = 'y' WHERE id IN (49, 50)"),
        ),
        differences=(0, 0, 2),
    ),
    Case(
        "partition_replaced",
        (
            "CREATE TABLE @ (id int PRIMARY KEY, v text) PARTITION BY RANGE (id)",
            "CREATE TABLE @_1 PARTITION OF @ FOR VALUES FROM (0) TO (50)",
            "CREATE TABLE @_2 PARTITION OF @ FOR VALUES FROM (50) TO (100)",
            "INSERT INTO @ SELECT n, 'x' FROM generate_series(1, 99) n",
        ),
        original=(
            (0, "CREATE TABLE @_new (LIKE @_1 INCLUDING ALL)"),
            (0, "INSERT INTO @_new SELECT * FROM @_1 WHERE id <> 3"),
            (0, "ALTER TABLE @ DETACH PARTITION @_1"),
            (0, "DROP TABLE @_1"),
            (0, "ALTER TABLE @_new RENAME TO @_1"),
            (0, "ALTER TABLE @ ATTACH PARTITION @_1 FOR VALUES FROM (0) TO (50)"),
        ),
        differences=(1, 0, 0),
        headers=False,
    ),
    Case("empty", ("CREATE TABLE @ (id int PRIMARY KEY, v text)",)),
    Case(
        "empty_and_filled",
        ("CREATE TABLE @ (id int PRIMARY KEY, v text)",),
        original=((0, "INSERT INTO @ VALUES (1, '')"),),
        differences=(0, 1, 0),
    ),
    Case("one_row", ("CREATE TABLE @ (id int PRIMARY KEY)", "INSERT INTO @ VALUES (1)")),
    Case(
        "without_columns",
        ("CREATE TABLE @ ()", "INSERT INTO @ DEFAULT VALUES"),
        original=((0, "INSERT INTO @ DEFAULT VALUES"),),
        differences=(0, 1, 0),
    ),
    Case(
        "with_dropped_columns",
        (
            "CREATE TABLE @ (a int, id int PRIMARY KEY, b text, v text, c int)",
            "INSERT INTO @ SELECT n, n, 'b', 'x', n FROM generate_series(1, 50) n",
            "ALTER TABLE @ DROP a, DROP b",
            "INSERT INTO @ SELECT n, 'x', n FROM generate_series(51, 99) n",
            "ALTER TABLE @ DROP c",
        ),
        original=((0, "UPDATE @ SET v = 'y' WHERE id IN (1, 60)"),),
        differences=(0, 0, 2),
    ),
    Case(
        "with_1600_columns",
        (
            f"CREATE TABLE @ (id int PRIMARY KEY, {', '.join(f'c{n} int' for n in range(1599))})",
            "INSERT INTO @ SELECT n, n FROM generate_series(1, 9) n",
        ),
        original=((0, "UPDATE @ SET c1598 = 5 WHERE id = 2"),),
        differences=(0, 0, 1),
    ),
    Case(
        "generated_columns",
        (
            "CREATE TABLE @ (id int PRIMARY KEY, v int, s int GENERATED ALWAYS AS (v + 1) STORED,"
            " i int GENERATED ALWAYS AS IDENTITY)",
            "INSERT INTO @ SELECT n, n FROM generate_series(1, 50) n",
        ),
        original=((0, "UPDATE @ SET v = 0 WHERE id = 1"), (0, "UPDATE @ SET i = DEFAULT WHERE id = 2")),
        differences=(0, 0, 2),
    ),
    Case(
        "copied_frozen",
        KEYED,
        original=(
            (1, "BEGIN"),
            (1, "TRUNCATE @"),
            (1, "COPY @ FROM PROGRAM 'printf ''1\tx1\t1\\n2\tx2\t5\\n''' (FREEZE)"),
            (1, "COMMIT"),
        ),
        differences=(398, 0, 1),
        headers=False,
    ),
    Case(
        "key_given_up",
        KEYED,
        original=((0, "ALTER TABLE @ DROP CONSTRAINT @_pkey"), (0, "INSERT INTO @ VALUES (1, 'x1', 1)")),
        differences=(0, 1, 0),
    ),
    Case(
        "key_exchanged_for_another",
        KEYED,
        original=(
            (0, "ALTER TABLE @ DROP CONSTRAINT @_pkey, ADD PRIMARY KEY (w)"),
            (0, "UPDATE @ SET v = 'y' WHERE id = 1"),
        ),
        differences=(1, 1, 0),
    ),
)
LINGERING: Final = (
    Case(
        "still_open",
        KEYED,
        before=((2, "BEGIN"), (2, "DELETE FROM @ WHERE id < 100"), (2, "INSERT INTO @ VALUES (1001, '', 1)")),
        original=((2, "UPDATE @ SET v = 'y'"), (1, "BEGIN"), (1, "INSERT INTO @ VALUES (1002, '', 1)")),
    ),
    Case(
        "still_prepared_here",
        KEYED,
        before=((1, "BEGIN"), (1, "UPDATE @ SET v = 'y' WHERE id <= 5"), (1, "PREPARE TRANSACTION '@'")),
        copy=((0, "COMMIT PREPARED '@'"),),
        differences=(0, 0, 5),
    ),
    Case(
        "still_prepared_there",
        KEYED,
        before=((1, "BEGIN"), (1, "UPDATE @ SET v = 'y' WHERE id <= 5"), (1, "PREPARE TRANSACTION '@'")),
        original=((0, "COMMIT PREPARED '@'"),),
        differences=(0, 0, 5),
    ),
)
REWRITTEN_ALIKE: Final = (
    # Both sides give the new file the same number; in it the rows have moved up by another number of places.
    Case(
        "rewritten_on_both_sides_under_one_number",
        (
            "CREATE TABLE @ (id int PRIMARY KEY, v text)",
            "INSERT INTO @ SELECT n, 'x' || n FROM generate_series(1, 100) n",
        ),
        original=((0, "DELETE FROM @ WHERE id = 1"), (0, "VACUUM FULL @")),
        copy=((0, "DELETE FROM @ WHERE id = 100"), (0, "VACUUM FULL @")),
        differences=(1, 1, 0),
        headers=False,
        premise="SELECT pg_relation_filenode('@') || string_agg(format('%s %s', ctid, xmin), ',') FROM @",
    ),
)
