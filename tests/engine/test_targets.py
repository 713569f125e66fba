"""Branches in the past hold exactly the transactions that had committed then."""

import random
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psutil
import psycopg
import pytest

from tests.engine.lab import DATABASE, Lab, assert_rows_match_files
from tests.engine.log_records import state_at, transaction_ends
from warubi_tui.engine.clock import rfc3339
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.names import new_timeline
from warubi_tui.engine.store import BranchRow, TimelineRow
from warubi_tui.lsn import Lsn

MICROSECOND = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def parent(lab: Lab) -> BranchRow:
    """A branch with the notes a, b, c, each committed by itself."""
    branch = lab.create(lab.main, name="parent", compute=True)
    lab.write(branch, "a", "b", "c")
    return branch


def test_a_branch_at_a_commits_microsecond_has_it_and_one_microsecond_earlier_has_not(
    lab: Lab, parent: BranchRow
) -> None:
    at = lab.write(parent, "exact", "later")[0]
    on_time = lab.create(parent, at=at)
    assert "exact" in lab.read(on_time)
    assert "later" not in lab.read(on_time)
    assert "exact" not in lab.read(lab.create(parent, at=at - MICROSECOND))
    after = lab.create(parent, at=at + MICROSECOND)
    assert lab.read(after) == lab.read(on_time)
    assert after.parent_timestamp is not None
    assert (on_time.parent, on_time.parent_lsn) == (parent.id, after.parent_lsn)


def test_the_position_that_a_branch_or_a_moment_names_leads_to_the_same_state(
    lab: Lab, parent: BranchRow
) -> None:
    at = lab.write(parent, "named by time", "not yet there")[0]
    by_time = lab.create(parent, at=at)
    moment = lab.engine.moment(parent.id, at=at, lsn=None)
    assert moment.lsn == by_time.parent_lsn
    assert lab.engine.moment(parent.id, at=None, lsn=Lsn(moment.lsn)) == moment
    by_lsn = lab.create(parent, lsn=moment.lsn)
    assert by_lsn.parent_lsn == moment.lsn
    assert lab.read(by_lsn) == lab.read(by_time)
    assert moment.next_lsn is not None
    just_before_next = lab.engine.moment(parent.id, at=None, lsn=Lsn(moment.next_lsn - 1))
    assert just_before_next == moment
    assert "not yet there" in lab.read(lab.create(parent, lsn=moment.next_lsn))


def test_at_the_head_everything_acknowledged_is_there(lab: Lab, parent: BranchRow) -> None:
    with lab.session(parent) as session:
        session.execute("SET synchronous_commit = off")
        session.execute("INSERT INTO log SELECT 'unflushed ' || n FROM generate_series(1, 100) n")
        branch, _, operations = lab.engine.create_branch(parent_id=parent.id, name=None, at=None, lsn=None)
    lab.finish(operations)
    assert lab.read(lab.engine.branch(branch.id)) == lab.read(parent)


def test_a_parent_without_a_single_commit_since_its_base(lab: Lab) -> None:
    fresh = lab.create(lab.main)
    lab.create(fresh)
    moment = lab.engine.moment(lab.main.id, at=datetime.now(UTC), lsn=None)
    assert lab.create(lab.main, lsn=moment.lsn).parent_lsn is not None


def test_the_state_is_right_where_nothing_was_committed_for_a_while(lab: Lab, parent: BranchRow) -> None:
    """T2: `recovery_target_time` after the last record fails; an idle database is the usual case."""
    last = lab.write(parent, "then silence")[0]
    silence = max(last, datetime.now(UTC))
    branch = lab.create(parent, at=silence)
    assert lab.read(branch) == lab.read(parent)


def test_a_suspended_parent(lab: Lab) -> None:
    parent = lab.create(lab.main, compute=True)
    times = lab.write(parent, "one", "two")
    lab.suspend(parent)
    assert lab.read(lab.create(parent, at=times[0])) == ["one"]
    assert lab.read(lab.create(parent)) == ["one", "two"]
    assert lab.engine.endpoint_state(lab.endpoint(parent)) == "idle"


def test_a_parent_that_was_killed_and_never_came_back(lab: Lab) -> None:
    parent = lab.create(lab.main, compute=True)
    times = lab.write(parent, "one", "two")
    with psycopg.connect(lab.uri(parent), autocommit=True) as busy:
        busy.execute("CREATE TABLE mine AS SELECT 1")
        server = lab.engine.servers.pid(parent.timeline)
        assert server is not None
        family = [psutil.Process(server), *psutil.Process(server).children()]
        for process in family:
            process.send_signal(signal.SIGKILL)
        psutil.wait_procs(family[1:])
    with ThreadPoolExecutor(2) as threads:
        earlier = threads.submit(lab.create, parent, at=times[0])
        newest = threads.submit(lab.create, parent)
        assert lab.read(earlier.result()) == ["one"]
        assert lab.read(newest.result()) == ["one", "two"]
    lab.finish(lab.engine.start_endpoint(lab.endpoint(parent).id)[1])
    with psycopg.connect(lab.uri(parent)) as again:
        assert again.execute("SELECT count(*) FROM log").fetchone() == (2,)


def test_every_generation_keeps_its_past(lab: Lab, parent: BranchRow) -> None:
    """A branch of a branch of a branch, asked for a time on each level of its history."""
    before = lab.read(parent)
    times = lab.write(parent, "parent's", "parent's, then")
    child = lab.create(parent)
    times += lab.write(child, "child's", "child's, then")
    grandchild = lab.create(child)
    times += lab.write(grandchild, "grandchild's", "grandchild's, then")
    youngest = lab.create(grandchild)
    times += lab.write(youngest, "youngest's", "youngest's, then")
    notes = [
        note
        for who in ("parent's", "child's", "grandchild's", "youngest's")
        for note in (who, f"{who}, then")
    ]
    for position in (0, 3, 4, 6):
        branch = lab.create(youngest, at=times[position])
        assert lab.read(branch) == sorted([*before, *notes[: position + 1]]), position
        with lab.session(branch) as session:
            session.execute("INSERT INTO log VALUES ('it can be written to')")
    assert "child's" not in lab.read(parent)


def test_a_dropped_database_is_there_at_the_commit_before(lab: Lab) -> None:
    """PostgreSQL marks the database and removes its files before the drop commits."""
    parent = lab.create(lab.main)
    with lab.session(parent) as session:
        session.execute("CREATE DATABASE shop")
        last = session.execute("SELECT clock_timestamp()").fetchone()
        session.execute("DROP DATABASE shop")
    assert last is not None
    branch = lab.create(parent, at=last[0])
    with lab.engine.running(branch.timeline), lab.engine.servers.session(branch.timeline, "shop"):
        assert "shop" in {row.name for row in lab.engine.databases(branch.id)}


def test_what_lies_outside_the_window_is_refused_with_both_ends(lab: Lab, parent: BranchRow) -> None:
    """T2 and T3: no other state is given instead of the one that cannot be had."""
    before = lab.rows()
    window = lab.engine.window(parent.id)
    ends = [f"(LSN {Lsn(window.start_lsn)})", rfc3339(window.start), "to 20"]
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=window.start)
    wishes: list[tuple[datetime | None, Lsn | None]] = [
        (start - MICROSECOND, None),
        (datetime.now(UTC) + timedelta(hours=1), None),
        (datetime(1, 1, 1, tzinfo=UTC), None),
        (datetime(9999, 12, 31, tzinfo=UTC), None),
        (None, Lsn(window.start_lsn - 1)),
        (None, Lsn(window.end_lsn + (1 << 30))),
    ]
    for at, lsn in wishes:
        with pytest.raises(ApiError) as refusal:
            lab.engine.create_branch(parent_id=parent.id, name=None, at=at, lsn=lsn)
        assert refusal.value.status == 422
        assert all(end in refusal.value.message for end in ends)
    assert lab.rows() == before
    assert_rows_match_files(lab)


def test_a_base_is_never_taken_for_a_time_before_it(lab: Lab) -> None:
    """T3: a base that is younger than the target would silently give its own state."""
    parent = lab.create(lab.main, compute=True)
    times = lab.write(parent, "before both", "before the base")
    base = lab.engine.bases.take_hot(parent.timeline)
    times += lab.write(parent, "after the base")
    assert lab.read(lab.create(parent, at=times[0])) == ["before both"]
    assert lab.read(lab.create(parent, at=times[1])) == ["before both", "before the base"]
    assert lab.read(lab.create(parent, lsn=base.end_lsn - 1)) == ["before both", "before the base"]
    target = lab.engine.resolve(parent.id, at=times[2], lsn=None)
    assert target.base == base
    assert lab.read(lab.create(parent, at=times[2])) == sorted(
        ["before both", "before the base", "after the base"]
    )


def test_a_base_taken_while_rows_are_written_is_whole(lab: Lab) -> None:
    parent = lab.create(lab.main, compute=True)
    lab.write(parent, "first")
    with _writers(lab, parent):
        base = lab.engine.bases.take_hot(parent.timeline)
    target = lab.engine.resolve(parent.id, at=None, lsn=None)
    assert target.base == base
    branch = lab.create(parent)
    assert lab.read(branch) == lab.read(parent)
    with lab.session(branch) as session:
        session.execute("CREATE EXTENSION amcheck")
        for check in ("bt_index_check(c.oid)", "verify_heapam(c.oid)"):
            kind = "i" if check.startswith("bt") else "r"
            session.execute(
                f"SELECT {check} FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
                f" LEFT JOIN pg_am a ON a.oid = relam WHERE relkind = '{kind}'"
                " AND amname IN ('btree', 'heap') AND relpersistence = 'p'"
            ).fetchall()


@contextmanager
def _writers(lab: Lab, branch: BranchRow) -> Iterator[list[BaseException]]:
    """Three clients that commit, roll back and commit without waiting for the disk, during the block."""
    done = threading.Event()
    failures: list[BaseException] = []

    def work(seed: int) -> None:
        choose = random.Random(seed)
        try:
            with lab.engine.servers.session(branch.timeline, DATABASE) as session:
                if seed == 0:
                    session.execute("SET synchronous_commit = off")
                while not done.is_set():
                    with session.transaction(force_rollback=choose.random() < 0.2):
                        session.execute(
                            "INSERT INTO log SELECT repeat('x', %s) FROM generate_series(1, %s)",
                            (choose.randrange(3000), choose.randrange(1, 4)),
                        )
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []


def _xids(session: psycopg.Connection) -> set[int]:
    return {int(row[0]) for row in session.execute("SELECT DISTINCT xmin::text FROM log")}


def test_random_times_under_concurrent_writers_give_exactly_the_transactions_of_then(lab: Lab) -> None:
    parent = lab.create(lab.main, compute=True)
    choose = random.Random(20261122)
    lab.write(parent, "first")
    with lab.session(parent) as session:
        start = session.execute("SELECT pg_current_wal_lsn()::text, clock_timestamp()").fetchone()
    assert start is not None
    found: list[tuple[datetime, set[int]]] = []

    def read_at(at: datetime) -> None:
        timeline = new_timeline()
        target = lab.engine.resolve(parent.id, at=at, lsn=None)
        creating = TimelineRow(timeline, parent.timeline, None, 0, "creating", 0)
        with lab.engine.store.transaction() as tx:
            tx.insert(creating)

        def read() -> None:
            with lab.engine.servers.session(timeline, DATABASE) as session:
                found.append((at, _xids(session)))

        lab.engine.timelines.materialize(timeline, target, read)
        lab.engine.timelines.remove(timeline)
        with lab.engine.store.transaction() as tx:
            tx.delete(TimelineRow, id=timeline)

    with _writers(lab, parent):
        for _ in range(4):
            now = datetime.now(UTC)
            oldest = start[1] + (now - start[1]) / 2
            branch = lab.create(parent, at=oldest)
            with lab.session(branch) as session:
                assert branch.parent_timestamp is not None
                found.append((oldest, _xids(session)))
    with lab.session(parent) as session:
        ends = transaction_ends(session, start[0])
        written = _xids(session)
    first = min(written)
    span = (ends[-1].time - ends[0].time) // MICROSECOND
    times = [ends[0].time + choose.randrange(span) * MICROSECOND for _ in range(10)]
    at_commits = [choose.choice(ends).time for _ in range(2)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(read_at, times + at_commits + [time - MICROSECOND for time in at_commits]))
    committed_at = {end.xid: end.time for end in ends}
    assert len(found) == 18
    for at, xids in found:
        assert xids == (state_at(ends, at) & written) | {first}, at
        assert all(committed_at[xid] <= at for xid in xids - {first})
        missing = [xid for xid in written - xids if committed_at[xid] < at - timedelta(seconds=0.5)]
        assert missing == []
