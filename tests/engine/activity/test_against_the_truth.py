"""Random transactions, interleaved, looked at in between: what is told is what was done, to the row."""

import random
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import psycopg
import pytest

from tests.engine.activity.telling import EVER, later, told, totals, transactions
from tests.engine.lab import Lab
from warubi_tui.engine.activity.chronicle import Chronicle
from warubi_tui.engine.store import BranchRow
from warubi_tui.engine.wal import endings

TABLES = ("apples", "pears", "plums")
STEPS = 900
Counts = Counter[tuple[str, str]]


@dataclass
class Actor:
    """One session: what its open transaction has done so far, and what its finished ones did, by xid."""

    session: psycopg.Connection
    dice: random.Random
    first_id: int
    done: dict[int, Counts] = field(default_factory=dict)
    undone: set[int] = field(default_factory=set)
    _xid: int | None = None
    _levels: list[Counts] = field(default_factory=list)
    _next: int = 0

    def step(self) -> None:
        """Does something."""
        if self._xid is None:
            self._begin()
            return
        acts = {
            self._insert: 6,
            self._update: 6,
            self._delete: 3,
            self._copy: 1,
            self._upsert: 1,
            self._savepoint: 4,
            self._back: 2,
            self._release: 2,
            self.commit: 5,
            self._rollback: 1,
        }
        (act,) = self.dice.choices(list(acts), list(acts.values()))
        act()

    def commit(self) -> None:
        if self._xid is not None:
            self.session.execute("COMMIT")
            self.done[self._xid] = sum(self._levels, Counter())
            self._xid = None

    def _begin(self) -> None:
        self.session.execute("BEGIN")
        row = self.session.execute("SELECT pg_current_xact_id()::text").fetchone()
        assert row is not None
        self._xid, self._levels = int(row[0]), [Counter()]

    def _rollback(self) -> None:
        assert self._xid is not None
        self.session.execute("ROLLBACK")
        self.undone.add(self._xid)
        self._xid = None

    def _run(self, kind: str, statement: str) -> None:
        table = self.dice.choice(TABLES)
        number = self.session.execute(statement.format(table=table).encode()).rowcount
        self._levels[-1][f"public.{table}", kind] += number

    def _ids(self) -> str:
        low = self.first_id + self.dice.randrange(max(self._next, 1))
        return f"id BETWEEN {low} AND {low + self.dice.randrange(20)}"

    def _series(self) -> str:
        first = self.first_id + self._next
        self._next += self.dice.choice((1, 1, 3, 40))
        last = self.first_id + self._next - 1
        return f"SELECT g, repeat('x', g % 300) FROM generate_series({first}, {last}) g"

    def _insert(self) -> None:
        self._run("inserts", "INSERT INTO {table} " + self._series())

    def _update(self) -> None:
        self._run("updates", "UPDATE {table} SET body = body || 'y' WHERE " + self._ids())

    def _delete(self) -> None:
        self._run("deletes", "DELETE FROM {table} WHERE " + self._ids())

    def _upsert(self) -> None:
        self._run(
            "inserts", "INSERT INTO {table} " + self._series() + " ON CONFLICT (id) DO UPDATE SET body = ''"
        )

    def _copy(self) -> None:
        table, number = self.dice.choice(TABLES), self.dice.choice((1, 5, 300))
        with self.session.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
            for _ in range(number):
                copy.write_row((self.first_id + self._next, "copied"))
                self._next += 1
        self._levels[-1][f"public.{table}", "inserts"] += number

    def _savepoint(self) -> None:
        self.session.execute(f"SAVEPOINT s{len(self._levels)}")
        self._levels.append(Counter())

    def _back(self) -> None:
        if len(self._levels) > 1:
            self.session.execute(f"ROLLBACK TO s{len(self._levels) - 1}")
            self._levels[-1] = Counter()

    def _release(self) -> None:
        if len(self._levels) > 1:
            self.session.execute(f"RELEASE s{len(self._levels) - 1}")
            released = self._levels.pop()
            self._levels[-1] += released


def disturb(session: psycopg.Connection, dice: random.Random) -> None:
    """What else goes on in a log: checkpoints, vacuum, ends of segments, big records that go over them."""
    statement = dice.choice(
        [
            "CHECKPOINT",
            f"VACUUM {dice.choice(TABLES)}",
            f"ANALYZE {dice.choice(TABLES)}",
            "SELECT pg_switch_wal()",
            f"SELECT pg_logical_emit_message(false, 'big', repeat('x', {dice.randrange(9_000_000)}))",
            f"SELECT pg_logical_emit_message(false, 'big', repeat('x', {dice.randrange(9_000_000)}))",
        ]
    )
    session.execute(statement.encode())


@pytest.fixture(params=[1, 2], ids="seed {}".format)
def dice(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)


@pytest.fixture
def branch(lab: Lab) -> BranchRow:
    branch = lab.create(lab.main, compute=True)
    with lab.session(branch) as session:
        for table in TABLES:
            session.execute(f"CREATE TABLE {table} (id int PRIMARY KEY, body text)")
    return branch


def test_every_row_of_every_transaction(lab: Lab, branch: BranchRow, dice: random.Random) -> None:
    with ExitStack() as stack:
        sessions = [stack.enter_context(lab.session(branch)) for _ in range(4)]
        actors = [Actor(one, dice, 10_000_000 * number) for number, one in enumerate(sessions[:3])]
        for number in range(STEPS):
            dice.choice(actors).step()
            if number % 60 == 30:
                disturb(sessions[3], dice)
            if number % 100 == 50:
                totals(lab, branch)
        for actor in actors:
            actor.commit()
    truth = {xid: counts for actor in actors for xid, counts in actor.done.items()}
    assert len(truth) > 60
    found = {one.xid: as_counts(told(one.deeds)) for one in transactions(lab, branch) if one.kind != "DDL"}
    assert found == {xid: counts for xid, counts in truth.items() if counts}
    whole = as_counts({name: rows | {"ddl": 0} for name, rows in totals(lab, branch, buckets=7).items()})
    assert +whole == sum(truth.values(), Counter())
    check_that_reading_at_once_says_the_same(lab, branch)
    check_ends_against_pg_waldump(lab, branch)


def as_counts(tables: dict[str, dict[str, int]]) -> Counts:
    return Counter({(name, kind): number for name, rows in tables.items() for kind, number in rows.items()})


def check_that_reading_at_once_says_the_same(lab: Lab, branch: BranchRow) -> None:
    """Another reader that begins anew, without the files of the first one."""
    piecemeal = transactions(lab, branch)
    for file in (lab.engine.site.timeline(branch.timeline) / "activity").iterdir():
        file.unlink()
    lab.engine.chronicle = Chronicle(lab.engine.site, lab.engine.store)
    assert transactions(lab, branch) == piecemeal


def check_ends_against_pg_waldump(lab: Lab, branch: BranchRow) -> None:
    """The branch's own log and its parent's before it."""
    site, spans = lab.engine.site, lab.engine.history(branch.id)[::-1]
    ends = []
    for span in spans:
        with closing(endings(site, span.sources(site), span.timeline.tli, span.low, span.high)) as reading:
            ends += list(reading)
    buckets = lab.engine.activity(branch.id, start=EVER, end=later(), buckets=2000)
    assert sum(bucket.commits for bucket in buckets) == sum(one.committed for one in ends)
    assert sum(bucket.rollbacks for bucket in buckets) == sum(not one.committed for one in ends)
    places = {one.start: place for place, one in enumerate(ends)}
    for one in transactions(lab, branch):
        place = places[one.lsn]
        assert one.time == ends[place].time
        assert one.before_lsn == (ends[place - 1].end if place else spans[0].low)
