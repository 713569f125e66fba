"""Reading activity per table out of the log, against PostgreSQL's own readers of the same log, in one run.

The log is a mix: small transactions of several clients, an INSERT of many rows, an UPDATE and a DELETE of
many, COPY, VACUUM. The peers say less: `pg_waldump -r Transaction` gives commits without tables,
`--stats=record` sums over everything. Run it on an idle machine:

    .venv/bin/python -m tests.benchmarks.bench_activity
"""

import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.conftest import make_open_folder
from warubi_tui.engine.activity.chronicle import Chronicle
from warubi_tui.engine.engine import Engine
from warubi_tui.engine.lineage import Span
from warubi_tui.engine.programs import child_environment
from warubi_tui.lsn import Lsn

CLIENTS = 4
TRANSACTIONS = 12_000
ROWS = 700_000
LIMIT_MB = 300


def small_transactions(engine: Engine, timeline: str, number: int) -> None:
    """What a shop does: an order, its items, a counter."""
    with engine.servers.session(timeline, "neondb") as session:
        session.execute("SET synchronous_commit = off")
        for step in range(TRANSACTIONS):
            with session.transaction():
                session.execute("INSERT INTO orders (note) VALUES ('n')")
                session.execute(
                    "INSERT INTO items SELECT %s, g, md5(g::text) FROM generate_series(1, 3) g", (step,)
                )
                session.execute("UPDATE counters SET n = n + 1 WHERE id = %s", (number,))


def write_log(engine: Engine, timeline: str) -> None:
    with engine.servers.session(timeline, "neondb") as session:
        session.execute("CREATE TABLE orders (id bigserial PRIMARY KEY, note text)")
        session.execute("CREATE TABLE items (id bigint, n int, body text)")
        session.execute("CREATE INDEX ON items (id)")
        session.execute("CREATE TABLE counters AS SELECT g AS id, 0 AS n FROM generate_series(1, 8) g")
        clients = [
            threading.Thread(target=small_transactions, args=(engine, timeline, number))
            for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        session.execute(f"INSERT INTO items SELECT g, 1, md5(g::text) FROM generate_series(1, {ROWS}) g")
        session.execute("UPDATE items SET n = 2 WHERE id % 3 = 0")
        session.execute("DELETE FROM items WHERE id % 7 = 0")
        with session.cursor() as cursor, cursor.copy("COPY items FROM STDIN") as copy:
            for number in range(ROWS):
                copy.write_row((number, 1, "copied from somewhere else, once"))
        session.execute("VACUUM items")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of CPU of all processes."""
    used, start = cpu(), time.perf_counter()
    work()
    return time.perf_counter() - start, cpu() - used


def cpu() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def waldump(engine: Engine, span: Span, *options: str) -> None:
    folder = next(one for one in span.sources(engine.site) if len(list(one.glob("0000*"))) > 1)
    subprocess.run(
        [
            *(engine.site.programs.path("pg_waldump"), "-t", str(span.timeline.tli), "-p", str(folder)),
            *("-s", str(Lsn(span.low)), "-e", str(Lsn(span.high - span.high % (16 << 20))), *options),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=child_environment(),
        check=True,
    )


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    folder = make_open_folder()
    engine = Engine.open(folder / "engine")
    try:
        branch = engine.default_branch()
        engine.servers.start(branch.timeline)
        write_log(engine, branch.timeline)
        (span,) = engine.history(branch.id)
        megabytes = (span.high - span.low) / (1 << 20)
        start, end = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC)

        def ask() -> None:
            engine.activity(branch.id, start=start, end=end, buckets=200)

        def ask_again() -> None:
            later = timedelta(minutes=1)
            engine.activity(branch.id, start=start + later, end=end + later, buckets=200)

        def ask_a_new_engine() -> None:
            engine.chronicle = Chronicle(engine.site, engine.store)
            ask()

        works: list[tuple[str, Callable[[], object]]] = [
            ("pg_waldump -r Transaction", lambda: waldump(engine, span, "-r", "Transaction")),
            ("pg_waldump --stats=record", lambda: waldump(engine, span, "--stats=record")),
            ("activity, first time", ask),
            ("activity, a minute later (no log is read)", ask_again),
            ("activity, after a restart", ask_a_new_engine),
        ]
        say(f"{megabytes:.0f} MB of log")
        speeds: dict[str, float] = {}
        for name, work in works:
            wall, used = timed(work)
            speeds[name] = megabytes / wall
            say(f"{name:44} {wall:6.2f} s  {megabytes / wall:8.0f} MB/s  {used:6.2f} s of CPU")
        mine, peer = speeds["activity, first time"], speeds["pg_waldump -r Transaction"]
        say(f"activity per table: {mine / peer:.2f}x of pg_waldump -r Transaction")
        say(f"{'at least' if mine >= LIMIT_MB else 'LESS THAN'} {LIMIT_MB} MB/s")
        kept = folder / "engine" / "tl" / branch.timeline / "activity"
        say(f"kept: {sum(file.stat().st_size for file in kept.iterdir()) / (1 << 20):.1f} MB")
    finally:
        engine.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
