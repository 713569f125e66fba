"""For any time, a branch holds exactly the transactions that had committed then: 0 wrong in 200 points.

A transaction is stamped a moment before its end goes into the log. So it happens that one stamped at T lies
in the log behind one stamped after T: it was written, and acknowledged, after T. Such a transaction is not in
the state at T; no state of the database has it without the other. The log is read here by PostgreSQL's own
pg_walinspect, times by pg_xact_commit_timestamp.
"""

import itertools
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.engine.lab import DATABASE, Lab, assert_rows_match_files, wait_until
from tests.engine.log_records import TransactionEnd, transaction_ends
from tests.engine.workload import State, clients, commit_times, furnish, read_scratch, read_state
from warubi_tui.engine.clusters import SUPERUSER
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.names import new_timeline
from warubi_tui.engine.store import BranchRow, TimelineRow
from warubi_tui.lsn import Lsn

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Generation:
    """A branch and what it went through: each event's transaction and time, and the ends in the log."""

    branch: BranchRow
    events: dict[str, tuple[int, datetime]]
    ends: list[TransactionEnd]

    def expected(self, time: datetime) -> set[str]:
        """The events of everything that had committed at `time`."""
        late = self.late(time)
        return {
            identity
            for identity, (transaction, committed) in self.events.items()
            if committed <= time and transaction not in late
        }

    def late(self, time: datetime) -> set[int]:
        """Transactions stamped at or before `time` whose ends were written after one stamped later."""
        behind = itertools.dropwhile(lambda end: end.time <= time, self.ends)
        return {end.xid for end in behind if end.time <= time and end.committed}


@dataclass(frozen=True)
class Family:
    """A root, its child and its grandchild, and what was read while they were written to."""

    generations: list[Generation]
    begin: datetime
    seen: list[tuple[int, datetime, State]]


def _prepare_server(lab: Lab, branch: BranchRow) -> None:
    """Lets clients prepare transactions, and keeps the log where pg_walinspect can read it."""
    endpoint = lab.endpoint(branch)
    with lab.session(branch) as session:
        session.execute("ALTER SYSTEM SET max_prepared_transactions = 50")
        session.execute("ALTER SYSTEM SET wal_keep_size = '1GB'")
    lab.finish(lab.engine.restart_endpoint(endpoint.id)[1])


def _now(session: psycopg.Connection) -> datetime:
    row = session.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    time: datetime = row[0]
    return time


def _state_of_branch(lab: Lab, parent: BranchRow, at: datetime) -> State:
    """A branch as a user makes it."""
    branch = lab.create(parent, at=at)
    with lab.session(branch) as session:
        state = read_state(session)
        session.execute("INSERT INTO events (kind) VALUES ('it can be written to')")
    lab.delete(branch)
    return state


def _commits(session: psycopg.Connection) -> int:
    row = session.execute("SELECT count(DISTINCT transaction) FROM events").fetchone()
    assert row is not None
    return int(row[0])


def _let_work(lab: Lab, branch: BranchRow, commits: int) -> None:
    """Returns when that many transactions more have committed."""
    with lab.session(branch) as session:
        wanted = _commits(session) + commits
        wait_until(lambda: _commits(session) >= wanted, "clients commit")


def _ends(lab: Lab, branch: BranchRow, start: int) -> list[TransactionEnd]:
    with lab.session(branch) as session:
        return transaction_ends(session, str(Lsn(start)))


@pytest.fixture(scope="module")
def family(lab: Lab) -> Family:
    """Three generations, each forked while clients wrote to its parent, and written to beside it."""
    root = lab.main
    _prepare_server(lab, root)
    with lab.session(root) as session:
        furnish(session)
        lab.engine.bases.take_hot(root.timeline)
        begin = _now(session)
        row = session.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
        assert row is not None
        start = int(row[0])
    seen: list[tuple[int, datetime, State]] = []

    def look(generation: int, branch: BranchRow, at: datetime) -> None:
        seen.append((generation, at, _state_of_branch(lab, branch, at)))

    with clients(lab, root, 4, seed=1):
        _let_work(lab, root, 150)
        look(0, root, max(begin, datetime.now(UTC) - SECOND))
        lab.engine.bases.take_hot(root.timeline)
        _let_work(lab, root, 30)
        child = lab.create(root, compute=True)
        with clients(lab, child, 3, seed=2):
            _let_work(lab, child, 80)
            look(1, child, datetime.now(UTC) - SECOND)
            look(0, root, datetime.now(UTC) - SECOND)
            grandchild = lab.create(child, at=datetime.now(UTC) - SECOND / 10, compute=True)
            with clients(lab, grandchild, 3, seed=3):
                _let_work(lab, grandchild, 60)
                lab.engine.bases.take_hot(grandchild.timeline)
                _let_work(lab, grandchild, 30)
                look(2, grandchild, datetime.now(UTC) - SECOND)
                look(1, child, datetime.now(UTC) - SECOND)
    generations: list[Generation] = []
    inherited: list[TransactionEnd] = []
    for branch in (root, child, grandchild):
        fork = start if branch is root else branch.parent_lsn
        assert fork is not None
        inherited = [end for end in inherited if end.end <= fork] + _ends(lab, branch, fork)
        with lab.session(branch) as session:
            generations.append(Generation(branch, commit_times(session), inherited))
    return Family(generations, begin, seen)


def _points(family: Family, choose: random.Random) -> list[tuple[int, datetime]]:
    """Times on each generation, spread over all that it went through: its ancestors' times too."""
    points: list[tuple[int, datetime]] = []
    for number, generation in enumerate(family.generations):
        times = sorted({time for _, time in generation.events.values() if time > family.begin})
        for time in choose.sample(times, 15):
            points += [(number, time - MICROSECOND), (number, time), (number, time + MICROSECOND)]
        for one, other in choose.sample(list(itertools.pairwise(times)), 8):
            points.append((number, one + (other - one) / 2))
        span = (times[-1] - times[0]) // MICROSECOND
        points += [(number, times[0] + choose.randrange(span) * MICROSECOND) for _ in range(12)]
        points.append((number, times[-1]))
    return points


def _check(generation: Generation, time: datetime, state: State) -> None:
    assert set(state.events) == generation.expected(time), time
    assert state.values("rolled back") == []
    state.assert_consistent()


def _materialized(lab: Lab, branch: BranchRow, time: datetime) -> tuple[State, dict[str, int]]:
    """The state as recovery makes it for a branch, read from the server that was promoted."""
    target = lab.engine.resolve(branch.id, at=time, lsn=None)
    timeline = new_timeline()
    found: list[tuple[State, dict[str, int]]] = []

    def read() -> None:
        with lab.engine.servers.session(timeline, DATABASE) as session:
            found.append((read_state(session), read_scratch(session)))

    with lab.engine.store.transaction() as tx:
        tx.insert(TimelineRow(timeline, branch.timeline, None, 0, "creating", 0))
    lab.engine.timelines.materialize(timeline, target, read)
    lab.engine.timelines.remove(timeline)
    with lab.engine.store.transaction() as tx:
        tx.delete(TimelineRow, id=timeline)
    return found[0]


def _check_scratch(generation: Generation, state: State, scratch: dict[str, int]) -> None:
    """What the last transaction that emptied and filled the table put there."""
    fillings = [identity for identity, (kind, _) in state.events.items() if kind == "scratch"]
    last = max(fillings, key=lambda identity: generation.events[identity][1], default=None)
    assert scratch == ({last: state.events[last][1]} if last else {})


def _shown(lab: Lab, branch: BranchRow, time: datetime) -> tuple[State, dict[str, int]]:
    """The state as a read-only compute of that time shows it."""
    with (
        lab.engine.time_travel.open(branch.id, at=time, lsn=None) as server,
        psycopg.connect(
            host=str(server.socket), port=server.port, user=SUPERUSER, dbname=DATABASE, sslmode="disable"
        ) as session,
    ):
        return read_state(session), read_scratch(session)


def test_at_any_time_a_state_holds_exactly_what_had_committed(lab: Lab, family: Family) -> None:
    """203 points: 5 branches under load, 40 recoveries as for branches, 158 read-only computes."""
    generations = family.generations
    choose = random.Random(20261122)
    points = _points(family, choose)
    choose.shuffle(points)
    full, travelled = points[:40], sorted(points[40:])
    with ThreadPoolExecutor(3) as threads:
        made = threads.map(lambda point: _materialized(lab, generations[point[0]].branch, point[1]), full)
        for (number, time), (state, scratch) in zip(full, made, strict=True):
            _check(generations[number], time, state)
            _check_scratch(generations[number], state, scratch)
    for number, time, state in family.seen:
        _check(generations[number], time, state)
    for number, time in travelled:
        state, scratch = _shown(lab, generations[number].branch, time)
        _check(generations[number], time, state)
        _check_scratch(generations[number], state, scratch)
    assert (len(family.seen), len(full), len(travelled)) == (5, 40, 158)


def test_the_oracle_sees_what_a_wrong_state_would_show(family: Family) -> None:
    """Clients did all that they can do, and one commit more or less is another set."""
    for generation, own in zip(family.generations, (200, 200, 200), strict=True):
        times = sorted({time for _, time in generation.events.values() if time > family.begin})
        assert len(times) >= own
        some = times[::10]
        sizes = [len(generation.expected(time)) for time in some]
        assert sizes == sorted(set(sizes))
        assert sum(not generation.late(time) for time in some) > 0.8 * len(some)
    kinds = {kind for _, _, state in family.seen for kind, _ in state.events.values()}
    assert kinds == {"plain", "inner", "prepared", "tick", "made", "dropped", "number", "scratch"}


def test_times_outside_the_window_give_no_state(lab: Lab, family: Family) -> None:
    before = {branch.id for branch in lab.engine.branches()}
    for generation in family.generations:
        window = lab.engine.window(generation.branch.id)
        start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=window.start)
        for time in (start - MICROSECOND, start - SECOND, datetime.now(UTC) + SECOND * 3600):
            with pytest.raises(ApiError) as refusal:
                lab.create(generation.branch, at=time)
            assert refusal.value.status == 422
    assert {branch.id for branch in lab.engine.branches()} == before
    assert_rows_match_files(lab)
