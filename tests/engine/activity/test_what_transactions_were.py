"""Each kind of transaction is told for what it was: the right table, the right counts, nothing else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import psycopg
import pytest

from tests.engine.activity.telling import told, totals, transaction, transactions
from tests.engine.lab import DATABASE, Lab, wait_until
from warubi_tui.engine.activity.chronicle import Transaction
from warubi_tui.engine.store import BranchRow
from warubi_tui.lsn import Lsn


@pytest.fixture(scope="module")
def branch(lab: Lab) -> BranchRow:
    branch = lab.create(lab.main, compute=True)
    with lab.session(branch) as session:
        session.execute("CREATE TABLE customer (id int PRIMARY KEY, name text)")
        session.execute("CREATE TABLE purchase (id int PRIMARY KEY, customer int, note text)")
        session.execute("INSERT INTO customer SELECT g, 'c' || g FROM generate_series(1, 500) g")
        session.execute("INSERT INTO purchase SELECT g, g % 500, 'p' FROM generate_series(1, 2000) g")
        session.execute("CHECKPOINT")
    return branch


@pytest.fixture
def session(lab: Lab, branch: BranchRow) -> Iterator[psycopg.Connection]:
    with lab.session(branch) as session:
        yield session


def the_last(lab: Lab, branch: BranchRow, xid: int) -> Transaction:
    (found,) = [one for one in transactions(lab, branch) if one.xid == xid]
    return found


def test_rows_by_table_and_kind(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    with transaction(session) as xid:
        session.execute("INSERT INTO customer SELECT g, 'n' FROM generate_series(1001, 1007) g")
        session.execute("UPDATE purchase SET note = 'changed' WHERE id <= 30")
        session.execute("DELETE FROM purchase WHERE id BETWEEN 31 AND 35")
    one = the_last(lab, branch, xid)
    assert one.kind == "DELETE"
    assert told(one.deeds) == {
        "public.customer": {"inserts": 7},
        "public.purchase": {"updates": 30, "deletes": 5},
    }


def test_what_was_rolled_back_did_not_happen(
    lab: Lab, branch: BranchRow, session: psycopg.Connection
) -> None:
    with transaction(session) as xid:
        session.execute("INSERT INTO customer VALUES (2001, 'a')")
        session.execute("SAVEPOINT s")
        session.execute("DELETE FROM customer")
        session.execute("SAVEPOINT t")
        session.execute("DELETE FROM purchase")
        session.execute("RELEASE t")
        session.execute("ROLLBACK TO s")
        session.execute("INSERT INTO customer VALUES (2002, 'b')")
        session.execute("SAVEPOINT u")
        session.execute("UPDATE customer SET name = 'c' WHERE id = 1")
        session.execute("RELEASE u")
    with transaction(session) as undone:
        session.execute("DELETE FROM purchase")
        raise psycopg.Rollback
    assert told(the_last(lab, branch, xid).deeds) == {"public.customer": {"inserts": 2, "updates": 1}}
    assert undone not in {one.xid for one in transactions(lab, branch)}


def test_hundreds_of_savepoints_are_one_transaction(
    lab: Lab, branch: BranchRow, session: psycopg.Connection
) -> None:
    with transaction(session) as xid:
        for number in range(200):
            session.execute("SAVEPOINT s")
            session.execute("INSERT INTO customer VALUES (%s, 'sub')", (3000 + number,))
            session.execute("ROLLBACK TO s" if number % 4 == 0 else "RELEASE s")
    assert told(the_last(lab, branch, xid).deeds) == {"public.customer": {"inserts": 150}}


def test_copy_counts_rows(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    with (
        transaction(session) as xid,
        session.cursor() as cursor,
        cursor.copy("COPY purchase FROM STDIN") as copy,
    ):
        for number in range(10_000, 14_321):
            copy.write_row((number, 1, "copied"))
    assert told(the_last(lab, branch, xid).deeds) == {"public.purchase": {"inserts": 4321}}


def test_conflicts(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    with transaction(session) as xid:
        session.execute(
            "INSERT INTO customer SELECT g, 'x' FROM generate_series(491, 510) g"
            " ON CONFLICT (id) DO UPDATE SET name = 'upserted'"
        )
        session.execute("INSERT INTO customer VALUES (1, 'no') ON CONFLICT DO NOTHING")
    assert told(the_last(lab, branch, xid).deeds) == {"public.customer": {"inserts": 10, "updates": 10}}


def test_an_insertion_that_lost_to_another(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    """The row is in the log before the conflict is found, and taken back: an upsert that became an update.

    The index's function waits when it is called a second time: for the entry of the row already written.
    """
    session.execute(
        "CREATE FUNCTION slow(k int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$"
        " DECLARE calls int := coalesce(nullif(current_setting('test.calls', true), ''), '9')::int + 1;"
        " BEGIN PERFORM set_config('test.calls', calls::text, false);"
        " IF calls = 2 THEN PERFORM pg_advisory_lock(1); END IF; RETURN k; END $$"
    )
    session.execute("CREATE TABLE race (id int, note text)")
    session.execute("CREATE UNIQUE INDEX ON race (slow(id))")
    session.execute("SELECT pg_advisory_lock(1)")
    with lab.session(branch) as other, ThreadPoolExecutor(1) as beside:
        other.execute("SET test.calls = 0")
        upsert = "INSERT INTO race VALUES (1, 'a') ON CONFLICT (slow(id)) DO UPDATE SET note = 'both'"
        late = beside.submit(other.execute, upsert)
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        wait_until(lambda: session.execute(waiting).fetchone() == (1,), "the other waits")
        session.execute("INSERT INTO race VALUES (1, 'b')")
        session.execute("SELECT pg_advisory_unlock(1)")
        late.result()
    assert [told(one.deeds) for one in transactions(lab, branch, table="race")][-2:] == [
        {"public.race": {"inserts": 1}},
        {"public.race": {"updates": 1}},
    ]


def test_two_transactions_interleaved(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    with lab.session(branch) as other, transaction(session) as first, transaction(other) as second:
        for number in range(100, 110):
            session.execute("DELETE FROM purchase WHERE id = %s", (number,))
            other.execute("DELETE FROM purchase WHERE id IN (%s, %s)", (number + 100, number + 200))
    deeds = {one.xid: (one.kind, told(one.deeds)) for one in transactions(lab, branch)}
    assert deeds[first] == ("DELETE", {"public.purchase": {"deletes": 10}})
    assert deeds[second] == ("DELETE", {"public.purchase": {"deletes": 20}})


def test_rows_of_toast_tables_are_not_counted(
    lab: Lab, branch: BranchRow, session: psycopg.Connection
) -> None:
    with transaction(session) as xid:
        session.execute("CREATE TABLE long (body text STORAGE EXTERNAL)")
        session.execute("INSERT INTO long SELECT repeat('x', 9000) FROM generate_series(1, 20)")
    assert told(the_last(lab, branch, xid).deeds) == {"public.long": {"inserts": 20, "ddl": 1}}


def test_truncate(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    session.execute("CREATE TABLE full_once (id int PRIMARY KEY, body text)")
    session.execute("INSERT INTO full_once SELECT g FROM generate_series(1, 10) g")
    with transaction(session) as xid:
        session.execute("TRUNCATE full_once")
        session.execute("INSERT INTO full_once VALUES (11)")
    one = the_last(lab, branch, xid)
    assert (one.kind, told(one.deeds)) == ("TRUNCATE", {"public.full_once": {"truncates": 1, "inserts": 1}})
    assert told(transactions(lab, branch, table="full_once")[1].deeds) == {
        "public.full_once": {"inserts": 10}
    }, "rows written to the file that the table had before"


def test_truncated_again_and_again(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    """Each file the table had is known, though nobody looked in between."""
    session.execute("CREATE TABLE log (id int PRIMARY KEY, body text)")
    session.execute("CREATE INDEX ON log (body)")
    for number in range(1, 4):
        session.execute("INSERT INTO log SELECT g, 'x' FROM generate_series(1, %s) g", (number,))
        session.execute("TRUNCATE log")
    found = [told(one.deeds)["public.log"] for one in transactions(lab, branch, table="log")]
    assert found[-6:] == [
        {"inserts": 1},
        {"truncates": 1},
        {"inserts": 2},
        {"truncates": 1},
        {"inserts": 3},
        {"truncates": 1},
    ]


def test_drop(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    session.execute("CREATE TABLE lost (id serial PRIMARY KEY, body text)")
    session.execute("CREATE VIEW lost_view AS SELECT id FROM lost")
    with transaction(session) as xid:
        session.execute("DROP TABLE lost CASCADE")
    one = the_last(lab, branch, xid)
    assert (one.kind, told(one.deeds)) == (
        "DROP",
        {"public.lost": {"drops": 1}, "public.lost_view": {"drops": 1}},
    )


def test_a_table_nobody_ever_looked_at_has_its_name(
    lab: Lab, branch: BranchRow, session: psycopg.Connection
) -> None:
    """Made, filled and dropped before anybody asked: the name is in the log alone."""
    name = f"short_lived_{uuid4().hex[:8]}"
    session.execute("CREATE SCHEMA IF NOT EXISTS unseen")
    session.execute(f"CREATE TABLE unseen.{name} (body text)")
    with transaction(session) as filled:
        session.execute(f"INSERT INTO unseen.{name} VALUES ('a'), ('b')")
    with transaction(session) as dropped:
        session.execute(f"DROP TABLE unseen.{name}")
    assert told(the_last(lab, branch, filled).deeds) == {f"unseen.{name}": {"inserts": 2}}
    assert told(the_last(lab, branch, dropped).deeds) == {f"unseen.{name}": {"drops": 1}}


def test_copies_of_a_table_are_no_rows(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    """What ALTER TABLE and VACUUM FULL write into a table's new file was in it before."""
    session.execute("CREATE TABLE wide (id int, body text)")
    session.execute("INSERT INTO wide SELECT g, 'x' FROM generate_series(1, 300) g")
    with transaction(session) as altered:
        session.execute("DELETE FROM wide WHERE id <= 10")
        session.execute("ALTER TABLE wide ALTER id TYPE bigint")
    since = datetime.now(UTC)
    session.execute("VACUUM (FULL) wide")
    one = the_last(lab, branch, altered)
    assert (one.kind, told(one.deeds)) == ("DELETE", {"public.wide": {"deletes": 10, "ddl": 1}})
    (vacuumed,) = transactions(lab, branch, since=since)
    assert (vacuumed.kind, told(vacuumed.deeds)) == ("DDL", {"public.wide": {"ddl": 1}})


def test_truncating_one_table_and_copying_another(
    lab: Lab, branch: BranchRow, session: psycopg.Connection
) -> None:
    session.execute("CREATE TABLE emptied AS SELECT 1 AS id")
    session.execute("CREATE TABLE copied AS SELECT 1 AS id")
    lab.engine.look_at_names(branch.timeline)
    with transaction(session) as xid:
        session.execute("ALTER TABLE copied ALTER id TYPE bigint")
        session.execute("TRUNCATE emptied")
    assert told(the_last(lab, branch, xid).deeds) == {
        "public.copied": {"ddl": 1},
        "public.emptied": {"truncates": 1},
    }


def test_vacuum_and_analyze_are_nothing(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    since = datetime.now(UTC)
    session.execute("VACUUM (ANALYZE) purchase")
    session.execute("ANALYZE")
    session.execute("SELECT id FROM customer WHERE id = 5 FOR UPDATE")
    assert transactions(lab, branch, since=since) == []


def test_changes_of_the_schema(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    since = datetime.now(UTC)
    session.execute("ALTER TABLE customer ADD COLUMN age int")
    session.execute("CREATE INDEX CONCURRENTLY ON purchase (customer)")
    session.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    found = transactions(lab, branch, since=since)
    assert {one.kind for one in found} == {"DDL"}
    assert told(found[0].deeds) == {"public.customer": {"ddl": 1}}
    assert "public.purchase" in told(found[1].deeds)
    assert told(found[-1].deeds) == {}


def test_names_are_those_of_the_time(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    session.execute("CREATE TABLE before (id int)")
    lab.engine.look_at_names(branch.timeline)
    with transaction(session) as first:
        session.execute("INSERT INTO before VALUES (1)")
    session.execute("ALTER TABLE before RENAME TO after")
    lab.engine.look_at_names(branch.timeline)
    with transaction(session) as second:
        session.execute("INSERT INTO after VALUES (1)")
    assert told(the_last(lab, branch, first).deeds) == {"public.before": {"inserts": 1}}
    assert told(the_last(lab, branch, second).deeds) == {"public.after": {"inserts": 1}}


def test_partitions(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    session.execute("CREATE TABLE part (id int, at int) PARTITION BY RANGE (at)")
    session.execute("CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10)")
    session.execute("CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (10) TO (20)")
    with transaction(session) as filled:
        session.execute("INSERT INTO part SELECT g, g FROM generate_series(0, 14) g")
    with transaction(session) as moved:
        session.execute("UPDATE part SET at = 15 WHERE at = 3")
    assert told(the_last(lab, branch, filled).deeds) == {
        "public.part_1": {"inserts": 10},
        "public.part_2": {"inserts": 5},
    }
    one = the_last(lab, branch, moved)
    assert (one.kind, told(one.deeds)) == (
        "UPDATE",
        {"public.part_1": {"updates": 1}, "public.part_2": {"inserts": 1}},
    )
    assert {table.partition_of for table, _ in one.deeds.tables.values()} == {"public.part"}
    assert moved in {one.xid for one in transactions(lab, branch, table="part")}


def test_dropping_a_database(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    session.execute("CREATE DATABASE shop")
    lab.engine.look_at_names(branch.timeline)
    with lab.engine.servers.session(branch.timeline, "shop") as shop:
        shop.execute("CREATE TABLE stock AS SELECT 1 AS id")
    since = datetime.now(UTC)
    session.execute("DROP DATABASE shop")
    (one,) = transactions(lab, branch, since=since)
    assert one.kind == "DROP"
    assert [table.database for table, _ in one.deeds.tables.values()] == ["shop"]
    saved = lab.create(branch, lsn=one.before_lsn, compute=True)
    with lab.engine.servers.session(saved.timeline, "shop") as shop:
        assert shop.execute("SELECT count(*) FROM stock").fetchone() == (1,)


def test_the_state_just_before(lab: Lab, branch: BranchRow, session: psycopg.Connection) -> None:
    session.execute("CREATE TABLE state (id int)")
    session.execute("INSERT INTO state VALUES (1), (2)")
    with transaction(session) as xid:
        session.execute("DELETE FROM state")
    one = the_last(lab, branch, xid)
    assert lab.engine.moment(branch.id, at=None, lsn=Lsn(one.before_lsn)).next_time == one.time
    before = lab.create(branch, lsn=one.before_lsn, compute=True)
    with lab.session(before) as past:
        assert past.execute("SELECT count(*) FROM state").fetchone() == (2,)
    assert totals(lab, before)["public.state"] == {"ddl": 1, "inserts": 2}
    assert [told(one.deeds) for one in transactions(lab, before, table="state")] == [
        {"public.state": {"ddl": 1}},
        {"public.state": {"inserts": 2}},
    ]


def test_prepared_transactions(lab: Lab) -> None:
    branch = lab.create(lab.main)
    lab.engine.servers.start(branch.timeline, settings={"max_prepared_transactions": "5"})
    with lab.engine.servers.session(branch.timeline, DATABASE) as session:
        session.execute("CREATE TABLE two (id int)")
        xids = []
        for name in ("kept", "undone"):
            session.execute("BEGIN")
            row = session.execute("SELECT pg_current_xact_id()::text").fetchone()
            assert row is not None
            xids.append(int(row[0]))
            session.execute("INSERT INTO two SELECT g FROM generate_series(1, 5) g")
            session.execute("SAVEPOINT s")
            session.execute("INSERT INTO two VALUES (6)")
            session.execute(f"PREPARE TRANSACTION '{name}'")
        session.execute("CHECKPOINT")
        assert totals(lab, branch)["public.two"] == {"ddl": 1}
        session.execute("COMMIT PREPARED 'kept'")
        session.execute("ROLLBACK PREPARED 'undone'")
    assert told(the_last(lab, branch, xids[0]).deeds) == {"public.two": {"inserts": 6}}
    assert xids[1] not in {one.xid for one in transactions(lab, branch)}
