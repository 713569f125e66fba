"""Branch create against the bare sum of its parts, both in one run.

The peer is a shell script that copies the same base and lets the same PostgreSQL recover it to the same LSN
with the same settings; it resolves, verifies, syncs and records nothing. The engine has a copy of the base
ready, as it has whenever nobody made a branch a moment ago; without one it copies, as the peer does. Nothing
is removed before the end: ext4 makes files slowly where others were removed in the last minute. Run it on an
idle machine:

    .venv/bin/python -m tests.benchmarks.bench_branch
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from tests.conftest import make_open_folder
from warubi_tui.engine.clusters import archive_command
from warubi_tui.engine.engine import Engine
from warubi_tui.engine.lineage import restore_command
from warubi_tui.engine.programs import child_environment
from warubi_tui.engine.store import OperationRow

ROUNDS = 9
LIMIT = 1.2

SCRIPT = """
set -e
cp -a "$BASE" "$DATA"
mkdir -p "$DATA/pg_wal" "$DATA/pg_notify" "$DATA/pg_replslot" "$SOCKET"
touch "$DATA/recovery.signal"
"$POSTGRES" -D "$DATA" -k "$SOCKET" -p 5432 -c listen_addresses= -c wal_level=replica -c archive_mode=on \
  -c "archive_command=$ARCHIVE" -c "restore_command=$RESTORE" -c "recovery_target_lsn=$TARGET" \
  -c recovery_target_action=promote -c recovery_target_timeline=1 -c hot_standby=off -c fsync=off \
  -c autovacuum=off -c track_commit_timestamp=on -c wal_recycle=off -c wal_init_zero=off >/dev/null 2>&1 &
until [ "$(sed -n 8p "$DATA/postmaster.pid" 2>/dev/null | tr -d ' ')" = ready ]; do sleep 0.01; done
kill -INT $!
wait $! || true
"""


def fill(engine: Engine) -> datetime:
    """Makes a cluster with a base and a little log behind it; returns the time to go to."""
    uri = engine.connection_uri(branch_id=None, endpoint_id=None, database="neondb", role="neondb_owner")
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("CREATE TABLE item (id bigint PRIMARY KEY, body text)")
        connection.execute(
            "INSERT INTO item SELECT g, repeat(md5(g::text), 3) FROM generate_series(1, 8000) g"
        )
        engine.bases.take_hot(engine.default_branch().timeline)
        for _ in range(200):
            connection.execute(
                "UPDATE item SET body = body || 'x' WHERE id IN (SELECT 1 + (random()*7999)::int)"
            )
    return datetime.now(UTC)


def create(engine: Engine, at: datetime) -> float:
    """Seconds from the request to the end of its operation."""
    engine.spare.wait()
    os.sync()  # neither pays for what the other left to be written
    start = time.perf_counter()
    _, _, operations = engine.create_branch(parent_id=None, name=None, at=at, lsn=None)
    await_end(engine, operations)
    return time.perf_counter() - start


def await_end(engine: Engine, operations: list[OperationRow]) -> None:
    """Until all operations are finished."""
    while True:
        statuses = {engine.operation(row.id).status for row in operations}
        if statuses == {"finished"}:
            return
        assert statuses <= {"scheduling", "running", "finished"}, statuses
        time.sleep(0.002)


def recover_bare(engine: Engine, folder: Path, at: datetime) -> float:
    """Seconds of the shell script."""
    timeline = engine.default_branch().timeline
    target = engine.resolve(engine.default_branch().id, at=at, lsn=None)
    assert target.stop is not None
    site = engine.site
    site.account.make_folder(folder)
    values = {
        "BASE": str(site.bases(timeline) / target.base.id),
        "DATA": str(folder / "data"),
        "SOCKET": str(folder / "s"),
        "POSTGRES": site.programs.path("postgres"),
        "ARCHIVE": archive_command(folder),
        "RESTORE": restore_command(site, target.spans),
        "TARGET": f"{target.stop.start >> 32:X}/{target.stop.start & 0xFFFFFFFF:X}",
    }
    os.sync()  # neither pays for what the other left to be written
    start = time.perf_counter()
    subprocess.run(
        ["/bin/sh", "-c", SCRIPT],
        check=True,
        cwd="/",
        env=child_environment() | values,
        **site.account.identity(),
    )
    seconds = time.perf_counter() - start
    assert list((folder / "data" / "pg_wal").glob("00000002.history"))
    return seconds


def main() -> int:
    """Prints the figures; 1 where the ratio is over the limit."""
    root = make_open_folder()
    engine = Engine.open(root / "engine")
    try:
        at = fill(engine)
        timeline = engine.default_branch().timeline
        files = engine.site.data(timeline).rglob("*")
        size = sum(path.stat().st_size for path in files if path.is_file()) / 1e6
        ours, bare = [], []
        for position in range(ROUNDS):
            bare.append(recover_bare(engine, root / "engine" / "tl" / f"bare{position}", at))
            ours.append(create(engine, at))
    finally:
        engine.close()
        shutil.rmtree(root)
    ratio = statistics.median(ours) / statistics.median(bare)
    sys.stdout.write(
        f"cluster {size:.0f} MB, median of {ROUNDS}: branch create {statistics.median(ours):.3f} s, "
        f"bare copy and recovery {statistics.median(bare):.3f} s, ratio {ratio:.2f} (limit {LIMIT})\n"
    )
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
