"""Steppers: after each commit exactly what had been committed then, whatever goes on in the log around it."""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg
import pytest

from tests.engine.lab import DATABASE, Lab, wait_until
from tests.engine.log_records import TransactionEnd, transaction_ends
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.readonly import ReadOnlyServer
from warubi_tui.engine.servers import open_session
from warubi_tui.engine.store import BranchRow
from warubi_tui.engine.timetravel import Stepper
from warubi_tui.engine.wal import SEGMENT
from warubi_tui.lsn import Lsn


def connect(server: ReadOnlyServer) -> psycopg.Connection:
    return psycopg.connect(
        host=str(server.socket),
        port=server.port,
        user="cloud_admin",
        dbname=DATABASE,
        autocommit=True,
        options="-c lock_timeout=5s",
    )


def notes(server: ReadOnlyServer) -> set[int]:
    with connect(server) as session:
        return {row[0] for row in session.execute("SELECT note FROM notes")}


def position(session: psycopg.Connection) -> int:
    row = session.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture(scope="module")
def main(lab: Lab) -> BranchRow:
    """The default branch, on a server whose clients may prepare transactions."""
    main = lab.main
    with lab.session(main) as session:
        session.execute("ALTER SYSTEM SET max_prepared_transactions = 5")
        session.execute("ALTER SYSTEM SET max_connections = 70")
        session.execute("ALTER SYSTEM SET wal_keep_size = '1GB'")
    lab.finish(lab.engine.restart_endpoint(lab.endpoint(main).id)[1])
    with session_on(lab, main) as session:
        session.execute(
            "CREATE TABLE notes (note int, adder xid8 DEFAULT pg_current_xact_id());"
            "CREATE TABLE added (note int, adder xid8 DEFAULT pg_current_xact_id());"
            "CREATE TABLE removed (note int, remover xid8 DEFAULT pg_current_xact_id());"
        )
    return main


@contextmanager
def session_on(lab: Lab, branch: BranchRow) -> Iterator[psycopg.Connection]:
    """Unlike the lab's own sessions it leaves the server free for everybody else."""
    with open_session(lab.engine.servers.socket(branch.timeline), DATABASE) as session:
        yield session


@dataclass(frozen=True)
class Truth:
    """Who added and removed which note, and how each transaction ended, in the order of the log."""

    added: dict[int, int]
    removed: dict[int, int]
    ends: Sequence[TransactionEnd]

    def notes(self, lsn: int) -> set[int]:
        """What had been committed when the log ended at `lsn`."""
        committed = {end.xid for end in self.ends if end.committed and end.end <= lsn}
        gone = {note for note, remover in self.removed.items() if remover in committed}
        return {note for note, adder in self.added.items() if adder in committed} - gone


def truth(session: psycopg.Connection, start: int) -> Truth:
    return Truth(
        dict(session.execute("SELECT note, adder::text::int FROM added").fetchall()),
        dict(session.execute("SELECT note, remover::text::int FROM removed").fetchall()),
        transaction_ends(session, str(Lsn(start))),
    )


class Writer:
    """A session that adds and removes notes in transactions of all kinds."""

    def __init__(self, session: psycopg.Connection, choose: random.Random, numbers: Iterator[int]) -> None:
        self._session = session
        self._choose = choose
        self._numbers = numbers
        self._prepared = ""

    def act(self) -> None:
        acts = [self._add, self._remove, self._savepoint, self._end, self._end]
        self._choose.choice(acts)()

    def _begin(self) -> None:
        if self._session.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            self._session.execute("BEGIN")

    def _add(self) -> None:
        self._begin()
        note = next(self._numbers)
        for table in ("notes", "added"):
            self._session.execute(f"INSERT INTO {table} VALUES (%s)", (note,))

    def _remove(self) -> None:
        self._begin()
        self._session.execute(
            "WITH gone AS (DELETE FROM notes WHERE ctid = (SELECT ctid FROM notes ORDER BY random()"
            " FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING note) INSERT INTO removed SELECT note FROM gone"
        )

    def _savepoint(self) -> None:
        self._begin()
        self._session.execute("SAVEPOINT here")
        self._add()
        if self._choose.random() < 0.5:
            self._session.execute("ROLLBACK TO here")

    def _end(self) -> None:
        if self._session.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            return
        if self._choose.random() < 0.15:
            self._session.execute("ROLLBACK")
        elif self._choose.random() < 0.2 and not self._prepared:
            self._prepared = f"p{next(self._numbers)}"
            self._session.execute(f"PREPARE TRANSACTION '{self._prepared}'")
        else:
            self._session.execute("COMMIT")
            self._finish_prepared()

    def _finish_prepared(self) -> None:
        if self._prepared:
            self._session.execute(
                f"{self._choose.choice(['COMMIT', 'ROLLBACK'])} PREPARED '{self._prepared}'"
            )
            self._prepared = ""

    def finish(self) -> None:
        self._session.execute("COMMIT")
        self._finish_prepared()


def write(lab: Lab, branch: BranchRow, *, seed: int, acts: int) -> None:
    """Four clients at once, segments that end early, checkpoints, and a record over a segment's border."""
    choose = random.Random(seed)
    numbers = iter(range(seed * 100_000, (seed + 1) * 100_000))
    with ExitStack() as stack:
        sessions = [stack.enter_context(session_on(lab, branch)) for _ in range(4)]
        aside = stack.enter_context(session_on(lab, branch))
        writers = [Writer(session, choose, numbers) for session in sessions]
        for number in range(acts):
            choose.choice(writers).act()
            if number % 100 == 50:
                aside.execute("SELECT pg_switch_wal()")
            if number % 100 == 75:
                aside.execute("CHECKPOINT")
        aside.execute(
            "CREATE TABLE IF NOT EXISTS bulk (body text);"
            "INSERT INTO bulk SELECT repeat(md5(random()::text), 100) FROM generate_series(1, 5500)"
        )
        for writer in writers:
            writer.finish()


def assert_all_true(stepper: Stepper, expected: Truth) -> None:
    for target in stepper.targets:
        assert notes(stepper.show(target)) == expected.notes(target.lsn), Lsn(target.lsn)


def test_every_commit_of_a_history_and_its_ancestors(lab: Lab, main: BranchRow) -> None:
    with session_on(lab, main) as session:
        start = position(session)
    write(lab, main, seed=1, acts=400)
    lab.engine.bases.take_hot(main.timeline)
    write(lab, main, seed=2, acts=100)
    child = lab.create(main, compute=True)
    fork = child.parent_lsn
    assert fork is not None
    write(lab, main, seed=3, acts=50)
    write(lab, child, seed=4, acts=150)
    with session_on(lab, main) as session:
        of_main = truth(session, start)
    with session_on(lab, child) as session:
        own, end = truth(session, fork), position(session)
    ends = [one for one in of_main.ends if one.end <= fork] + [one for one in own.ends if one.start >= fork]
    of_child = Truth(own.added, own.removed, ends)
    with lab.engine.time_travel.steps(child.id, low=Lsn(start), high=Lsn(end)) as stepper:
        targets = stepper.targets
        assert [target.lsn for target in targets] == [one.end for one in ends if one.committed]
        assert len(targets) > 80
        assert len({target.lsn // SEGMENT for target in targets}) >= 5
        assert len({target.base.id for target in targets}) == 2
        assert_all_true(stepper, of_child)
        for target in random.Random(5).sample(targets, 6):
            assert notes(stepper.show(target)) == of_child.notes(target.lsn)


def test_a_table_whose_drop_is_under_way_can_be_read(lab: Lab, main: BranchRow) -> None:
    with session_on(lab, main) as dropping, session_on(lab, main) as session:
        session.execute("CREATE TABLE doomed AS SELECT 1 AS one")
        low = position(session)
        session.execute("INSERT INTO notes VALUES (-1)")
        dropping.execute("BEGIN; DROP TABLE doomed")
        session.execute("INSERT INTO notes VALUES (-2)")
        session.execute("INSERT INTO notes VALUES (-3)")
        dropping.execute("COMMIT")
        session.execute("INSERT INTO notes VALUES (-4)")
        high = position(session)
    with lab.engine.time_travel.steps(main.id, low=Lsn(low), high=Lsn(high)) as stepper:
        seen = []
        for target in stepper.targets:
            server = stepper.show(target)
            with connect(server) as reader:
                there = reader.execute("SELECT to_regclass('doomed') IS NOT NULL").fetchone()
                if there == (True,):
                    assert reader.execute("SELECT one FROM doomed").fetchall() == [(1,)]
                with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                    reader.execute("INSERT INTO notes VALUES (0)")
            seen.append((there, min(notes(server))))
    there, gone = (True,), (False,)
    assert seen == [(there, -1), (there, -2), (there, -3), (gone, -3), (gone, -4)]


def test_a_reader_in_the_way_of_a_step_is_ended(lab: Lab, main: BranchRow) -> None:
    with session_on(lab, main) as session:
        session.execute("CREATE TABLE brief AS SELECT 1 AS one")
        low = position(session)
        session.execute("INSERT INTO notes VALUES (-5)")
        session.execute("DROP TABLE brief")
        high = position(session)
    with lab.engine.time_travel.steps(main.id, low=Lsn(low), high=Lsn(high)) as stepper:
        before, after = stepper.targets
        reader = connect(stepper.show(before))
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM brief")
        server = stepper.show(after)
        with pytest.raises(psycopg.OperationalError):
            reader.execute("SELECT 1")
        reader.close()
        with connect(server) as later:
            assert later.execute("SELECT to_regclass('brief')").fetchone() == (None,)


def test_a_base_with_a_storm_of_savepoints_in_it(lab: Lab, main: BranchRow) -> None:
    """PostgreSQL lets nobody into a standby that starts in the midst of more than 64 subtransactions."""
    with session_on(lab, main) as storm, session_on(lab, main) as session:
        storm.execute("BEGIN")
        for number in range(80):
            storm.execute(f"SAVEPOINT s; INSERT INTO notes VALUES ({-1000 - number})")
        base = lab.engine.bases.take_hot(main.timeline)
        low = position(session)
        session.execute("INSERT INTO notes VALUES (-6)")
        session.execute("INSERT INTO notes VALUES (-7)")
        storm.execute("COMMIT")
        high = position(session)
    with lab.engine.time_travel.steps(main.id, low=Lsn(low), high=Lsn(high)) as stepper:
        assert {target.base.id for target in stepper.targets} == {base.id}
        lowest = [min(notes(stepper.show(target))) for target in stepper.targets]
    assert lowest == [-6, -7, -1079]


def test_a_killed_server_is_replaced_on_the_way(lab: Lab, main: BranchRow) -> None:
    with session_on(lab, main) as session:
        low = position(session)
        for note in range(-20, -16):
            session.execute("INSERT INTO notes VALUES (%s)", (note,))
        high = position(session)
    with lab.engine.time_travel.steps(main.id, low=Lsn(low), high=Lsn(high)) as stepper:
        seen = []
        for target in stepper.targets:
            server = stepper.show(target)
            seen.append(notes(server) & set(range(-20, -16)))
            with connect(server) as reader, pytest.raises(psycopg.OperationalError):
                reader.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity")
    assert seen == [{-20}, {-20, -19}, {-20, -19, -18}, {-20, -19, -18, -17}]


def test_nothing_stays_behind(lab: Lab) -> None:
    assert list((lab.engine.site.root / "probe").iterdir()) == []


def test_histories_that_begin_before_the_window_are_refused(lab: Lab, main: BranchRow) -> None:
    with (
        pytest.raises(ApiError, match="outside the history window"),
        lab.engine.time_travel.steps(main.id, low=Lsn(1), high=Lsn(1 << 40)),
    ):
        pass


def test_pruning_leaves_alone_what_is_being_walked(lab: Lab, main: BranchRow) -> None:
    kept = lab.engine.project().history_retention_seconds
    with session_on(lab, main) as session:
        low = position(session)
        for note in range(-40, -36):
            session.execute("INSERT INTO notes VALUES (%s)", (note,))
            session.execute("SELECT pg_switch_wal()")
        high = position(session)
        lab.engine.bases.take_hot(main.timeline)
    try:
        with lab.engine.time_travel.steps(main.id, low=Lsn(low), high=Lsn(high)) as stepper:
            lab.engine.change_project(history_retention_seconds=1)
            wait_until(lambda: lab.engine.window(main.id).start_lsn > high, "the window leaves it behind")
            lab.engine.prune()
            for target in (*stepper.targets, stepper.targets[0]):
                assert -40 in notes(stepper.show(target))
        lab.engine.prune()
        lab.engine.change_project(history_retention_seconds=kept)
        assert lab.engine.window(main.id).start_lsn > high
        with (
            pytest.raises(ApiError, match="outside the history window"),
            lab.engine.time_travel.steps(main.id, low=Lsn(low), high=Lsn(high)),
        ):
            pass
    finally:
        lab.engine.change_project(history_retention_seconds=kept)
