"""How creating a branch grows with the cluster and with the log behind its newest base.

Each figure is one branch of the head, made from a base and so much log of random updates behind it; the
engine takes no bases of its own meanwhile. In use it takes one as soon as the log behind the newest reaches
a limit that depends on the cluster's size: the share of replay in that column is the most there is.

    .venv/bin/python -m tests.benchmarks.bench_growth
"""

import os
import shutil
import statistics
import sys
import time
from typing import Final
from unittest.mock import patch

from psycopg import Connection

from tests.benchmarks.bench_branch import await_end
from tests.conftest import make_open_folder
from warubi_tui.engine.bases import log_before_base
from warubi_tui.engine.engine import Engine
from warubi_tui.engine.store import BranchRow

SIZES_MB: Final = (30, 300, 1000)
LOGS_MB: Final = (0, 16, 64, 256)
ROUNDS: Final = 3
LIMIT: Final = 2.0
"""Replay takes no more than the rest of making a branch, at the limit."""

MB: Final = 1_000_000
_ROW_BYTES: Final = 1_100


def size_of(session: Connection) -> int:
    """Bytes of all databases."""
    row = session.execute("SELECT sum(pg_database_size(oid)) FROM pg_database").fetchone()
    assert row is not None
    return int(row[0])


def grow(session: Connection, size: int) -> None:
    """Fills a table until the cluster has this size."""
    session.execute("CREATE TABLE IF NOT EXISTS item (id bigserial PRIMARY KEY, body text)")
    while (missing := size - size_of(session)) > _ROW_BYTES:
        rows = min(max(missing // _ROW_BYTES, 1), 50_000)
        session.execute(
            "INSERT INTO item (body) SELECT repeat(md5(random()::text), 32) FROM generate_series(1, %s)",
            (rows,),
        )


def log_up_to(engine: Engine, session: Connection, timeline: str, size: int) -> None:
    """Updates random rows until there is so much log behind the newest base."""
    while engine.bases.behind(timeline) < size:
        session.execute(
            "UPDATE item SET body = repeat(md5(random()::text), 32) WHERE id IN ("
            " SELECT 1 + (random() * (SELECT max(id) - 1 FROM item))::bigint FROM generate_series(1, 400))"
        )


def create(engine: Engine, main: BranchRow) -> float:
    """Median seconds from the request to the end of its operation."""
    found = []
    for _ in range(ROUNDS):
        os.sync()
        start = time.perf_counter()
        branch, _, operations = engine.create_branch(parent_id=main.id, name=None, at=None, lsn=None)
        await_end(engine, operations)
        found.append(time.perf_counter() - start)
        deleted = engine.delete_branch(branch.id, hard=True)
        assert deleted is not None
        await_end(engine, deleted[1])
    return statistics.median(found)


def measure(engine: Engine, size: int) -> tuple[list[float], int, float]:
    """Seconds for each of `LOGS_MB`; the engine's limit in bytes, and the seconds there."""
    main = engine.default_branch()
    with engine.servers.session(main.timeline, "neondb") as session:
        grow(session, size)
        session.execute("VACUUM item")
        limit = log_before_base(size_of(session))
        engine.bases.take_hot(main.timeline)
        logs = sorted({*(log * MB for log in LOGS_MB), limit})
        seconds = {}
        for log in logs:
            log_up_to(engine, session, main.timeline, log)
            seconds[log] = create(engine, main)
    return [seconds[log * MB] for log in LOGS_MB], limit, seconds[limit]


def main() -> int:
    """Prints the table; 1 where replay dominates at the engine's limit."""
    root = make_open_folder()
    good = True
    columns = "".join(f"{f'{log} MB':>9}" for log in LOGS_MB)
    sys.stdout.write(f"create, s (median of {ROUNDS}), by log behind the newest base\n")
    sys.stdout.write(f"{'cluster':>9}{columns}{'at the limit of':>20}{'x no log':>10}\n")
    with patch("warubi_tui.engine.engine._SWEEP_SECONDS", 3600):
        engine = Engine.open(root / "engine")
    try:
        engine.change_project(history_retention_seconds=0)
        for size in SIZES_MB:
            seconds, limit, at_limit = measure(engine, size * MB)
            engine.prune()
            ratio = at_limit / seconds[0]
            good = good and ratio <= LIMIT
            figures = "".join(f"{value:9.2f}" for value in seconds)
            place = f"{limit // MB} MB: {at_limit:.2f}"
            sys.stdout.write(f"{f'{size} MB':>9}{figures}{place:>20}{ratio:>10.2f}\n")
            sys.stdout.flush()
    finally:
        engine.close()
        shutil.rmtree(root)
    sys.stdout.write(f"limit: {LIMIT} x no log\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
