"""Looking at the past: gated standbys against a branch per probe, both in one run.

Prints the median step from one commit to the next, the first look, a step back, and a search for the commit
that made a condition true among thousands, once by steps and once with a branch for each probe, the peer.
Run it on an idle machine:

    .venv/bin/python -m tests.benchmarks.bench_standby
"""

import math
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

import psycopg

from tests.benchmarks.bench_branch import await_end
from tests.conftest import make_open_folder
from warubi_tui.engine.engine import Engine
from warubi_tui.engine.servers import open_session
from warubi_tui.engine.targets import Target
from warubi_tui.engine.timetravel import Stepper
from warubi_tui.lsn import Lsn

COMMITS = 5000
STEP_LIMIT = 0.010
SEARCH_LIMIT = 2.0
SEARCH_RATIO = 3.0
ACCIDENT = 3217


def write(engine: Engine) -> tuple[int, int]:
    """A table of 8,000 rows, and commits that each change one; where they begin and end in the log."""
    socket = engine.servers.socket(engine.default_branch().timeline)
    with open_session(socket, "neondb") as session:
        session.execute(
            "CREATE TABLE item (id int PRIMARY KEY, body text);"
            "INSERT INTO item SELECT g, repeat(md5(g::text), 3) FROM generate_series(1, 8000) g"
        )
        engine.bases.take_hot(engine.default_branch().timeline)
        low = position(session)
        session.execute("SET synchronous_commit = off")
        for number in range(COMMITS):
            session.execute("UPDATE item SET body = body || 'x' WHERE id = %s", (number % 8000 + 1,))
            if number == ACCIDENT:
                session.execute("DELETE FROM item WHERE id = 7777")
        return low, position(session)


def position(session: psycopg.Connection) -> int:
    row = session.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    assert row is not None
    return int(row[0])


def happened(session: psycopg.Connection) -> bool:
    """Whether the row that the accident removed is gone."""
    row = session.execute("SELECT NOT EXISTS (SELECT FROM item WHERE id = 7777)").fetchone()
    assert row is not None
    return bool(row[0])


def search(targets: Sequence[Target], is_bad: Callable[[Target], bool]) -> tuple[int, int]:
    """The first bad state's number by bisection; and how many states were looked at."""
    good, bad, looks = -1, len(targets) - 1, 0
    while bad - good > 1:
        middle = (good + bad) // 2
        looks += 1
        if is_bad(targets[middle]):
            bad = middle
        else:
            good = middle
    return bad, looks


def search_by_steps(stepper: Stepper) -> tuple[int, int]:
    """The same by strides forward: √N commits at a time, then one at a time from the last good state."""
    targets = stepper.targets
    stride = math.isqrt(len(targets))
    bad, looks = walk(stepper, range(0, len(targets), stride))
    bad, more = walk(stepper, range(bad - stride + 1, bad + 1))
    return bad, looks + more


def walk(stepper: Stepper, numbers: range) -> tuple[int, int]:
    """The first bad state among these; and how many were looked at. A session lives on from step to step."""
    server = stepper.show(stepper.targets[numbers[0]])
    with open_session(server.socket / f".s.PGSQL.{server.port}", "neondb") as session:
        for looks, number in enumerate(numbers, 1):
            stepper.show(stepper.targets[number])
            if happened(session):
                return number, looks
    raise AssertionError("nothing happened")


def probe_by_branch(engine: Engine, target: Target) -> bool:
    """A branch, its server, one question, and the branch's removal."""
    branch, _, operations = engine.create_branch(
        parent_id=None, name=None, at=None, lsn=Lsn(target.lsn), computes=[]
    )
    await_end(engine, operations)
    branch = engine.branch(branch.id)
    socket = engine.servers.socket(branch.timeline)
    with engine.running(branch.timeline), open_session(socket, "neondb") as session:
        answer = happened(session)
    engine.delete_branch(branch.id, hard=True)
    return answer


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> int:
    """Prints the figures; 1 where one is over its limit."""
    root = make_open_folder()
    engine = Engine.open(root / "engine")
    try:
        low, high = write(engine)
        with engine.time_travel.steps(engine.default_branch().id, low=Lsn(low), high=Lsn(high)) as stepper:
            targets = stepper.targets
            first = timed(partial(stepper.show, targets[0]))
            steps = [timed(partial(stepper.show, target)) for target in targets[1:1001]]
            back = timed(partial(stepper.show, targets[0]))
            start = time.perf_counter()
            found, looks = search_by_steps(stepper)
            by_steps = time.perf_counter() - start
        start = time.perf_counter()
        answer, branches = search(targets, lambda target: probe_by_branch(engine, target))
        by_branches = time.perf_counter() - start
    finally:
        engine.close()
        shutil.rmtree(root)
    assert found == answer == ACCIDENT + 1, (found, answer)
    median, ratio = statistics.median(steps), by_branches / by_steps
    sys.stdout.write(
        f"step to the next commit: median {median * 1000:.2f} ms, longest {max(steps) * 1000:.1f} ms"
        f" of {len(steps)} (limit {STEP_LIMIT * 1000:.0f} ms)\n"
        f"first look {first:.3f} s, step back {back:.3f} s\n"
        f"search among {len(targets)} commits: by steps {by_steps:.2f} s ({looks} looks; limit"
        f" {SEARCH_LIMIT} s), by a branch each {by_branches:.2f} s ({branches} looks), ratio {ratio:.1f}"
        f" (at least {SEARCH_RATIO})\n"
    )
    return 0 if median <= STEP_LIMIT and by_steps <= SEARCH_LIMIT and ratio >= SEARCH_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
