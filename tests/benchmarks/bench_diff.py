"""The row diff between two branches of the engine, in ratios to what comparing contents must at least do.

The limit is `SELECT sum(hashtextextended(t::text, 0))` on both sides at once. Every table differs by 1,000
rows removed, added and changed each, all over it (scattered) or side by side (clustered); every result is
checked. Run it on an idle machine, whole or in parts:

    .venv/bin/python -m tests.benchmarks.bench_diff [small] [large] [growth] [many] [memory] [peer]

`peer` compares with reladiff, where the environment variable RELADIFF names its program.
"""

import asyncio
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import psycopg

from tests.benchmarks.bench_edge import Api
from tests.conftest import engine_on, make_open_folder
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.model import Method, TableDiff
from warubi_tui.lsn import Lsn
from warubi_tui.secret import Secret

ROUNDS = 5
MILLION = 1_000_000
CHANGES = 1_000

SHAPES = {
    "narrow": ("id bigint PRIMARY KEY, a int, b text, c timestamptz", "g, g % 97, 'row ' || g, now()"),
    "wide": (
        "id bigint PRIMARY KEY, body text, doc jsonb, big text",
        "g, repeat(md5(g::text), 6), jsonb_build_object('n', g, 'text', repeat(md5(g::text), 8)),"
        " CASE WHEN g % 20 = 0 THEN"
        " (SELECT string_agg(md5((g + h)::text), '') FROM generate_series(1, 125) h) END",
    ),
    "uuid": ("id uuid PRIMARY KEY, a int, b text", "md5(g::text)::uuid, g % 97, 'row ' || g"),
    "composite": (
        "region text, code text, a int, b text, PRIMARY KEY (region, code)",
        "'region ' || g % 50, 'code ' || md5(g::text), g % 97, 'row ' || g",
    ),
    "keyless": ("id bigint, a int, b text", "g / 2, (g / 2) % 97, 'row ' || g / 2"),
}
"""Columns, and the values of the row g."""


@dataclass(frozen=True)
class Sides:
    """Two branches: what was, what is, and where they part."""

    then: str
    now: str
    lineage: Lineage


def fill(uri: str, shape: str, name: str, rows: int) -> None:
    columns, values = SHAPES[shape]
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE {name} ({columns})")
        connection.execute(f"INSERT INTO {name} SELECT {values} FROM generate_series(1, {rows}) g")
        connection.execute(f"VACUUM (ANALYZE) {name}")


def change(uri: str, shape: str, name: str, rows: int, *, scattered: bool, each: int = CHANGES) -> None:
    """Removes, changes and adds so many rows."""
    step = rows // (2 * each) if scattered else 1
    first = 1 if scattered else rows // 2
    _, values = SHAPES[shape]
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(
            f"CREATE TEMP TABLE picked AS SELECT ctid AS place, row_number() OVER () AS number"
            f" FROM (SELECT ctid, row_number() OVER () AS n FROM {name}) t"
            f" WHERE n >= {first} AND (n - {first}) % {step} = 0 LIMIT {2 * each}"
        )
        picked = "ctid = ANY(ARRAY(SELECT place FROM picked WHERE number %% 2 = %s))"
        connection.execute(f"DELETE FROM {name} WHERE {picked}", (0,))
        setting = "body = 'changed'" if shape == "wide" else "a = -1"
        connection.execute(f"UPDATE {name} SET {setting} WHERE {picked}".encode(), (1,))
        connection.execute(
            f"INSERT INTO {name} SELECT {values} FROM generate_series({rows + 10}, {rows + 9 + each}) g"
        )


def narrow(rows: int, each: int = CHANGES) -> AbstractContextManager[Sides]:
    """Branches of one table, with so many rows of each kind all over it."""
    return branches(
        lambda uri: fill(uri, "narrow", "narrow", rows),
        lambda uri: change(uri, "narrow", "narrow", rows, scattered=True, each=each),
    )


@contextmanager
def branches(prepare: Callable[[str], None], differ: Callable[[str], None]) -> Iterator[Sides]:
    """Main filled by `prepare`, a branch of it, and main as `differ` leaves it."""
    folder = make_open_folder()
    try:
        with engine_on(folder / "engine") as engine:
            api = Api(engine)
            main = next(one["id"] for one in api.get("/branches")["branches"] if one["default"])
            now = api.uri(main)
            prepare(now)
            body = {"branch": {"parent_id": main, "name": "then"}, "endpoints": [{"type": "read_write"}]}
            branch = api.post("/branches", body)["branch"]["id"]
            own = api.lineage(branch)
            differ(now)
            yield Sides(api.uri(branch), now, Lineage(Lsn.parse(own["fork_lsn"]), own["fork_xid"]))
    finally:
        shutil.rmtree(folder)


def both(sides: Sides, statement: str) -> float:
    """Seconds of a statement on both sides at once."""

    def ask(uri: str) -> None:
        with psycopg.connect(uri) as connection:
            connection.execute(statement.encode())

    start = time.perf_counter()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(ask, (sides.then, sides.now)))
    return time.perf_counter() - start


def limit(sides: Sides, table: str) -> float:
    return both(sides, f"SELECT sum(hashtextextended(t::text, 0)) FROM {table} t")


def diff(
    sides: Sides, *, tables: list[str] | None = None, method: Method | None = None, keep: int = MILLION
) -> tuple[float, list[TableDiff]]:
    """Seconds of a comparison, and what it says of the tables."""

    async def run() -> list[TableDiff]:
        then, now = Secret(sides.then), Secret(sides.now)
        comparison = DatabaseDiff(
            then, now, tables=tables, method=method, lineage=sides.lineage, keep_rows=keep
        )
        async with comparison:
            await comparison.run()
            return list(comparison.tables)

    start = time.perf_counter()
    found = asyncio.run(run())
    return time.perf_counter() - start, found


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def compare_methods(rows: int, limits: dict[tuple[Method, bool], float], shapes: list[str]) -> bool:
    """Every method on every table, in ratios to the limit: its rows, and with all that comes before."""
    names = {
        (shape, scattered): f"{shape}_{'scattered' if scattered else 'clustered'}"
        for shape in shapes
        for scattered in (True, False)
    }

    def prepare(uri: str) -> None:
        for (shape, _), name in names.items():
            fill(uri, shape, name, rows)

    def differ(uri: str) -> None:
        for (shape, scattered), name in names.items():
            change(uri, shape, name, rows, scattered=scattered)

    good = True
    with branches(prepare, differ) as sides:
        for (shape, scattered), name in names.items():
            methods: list[Method] = ["headers", "blocks", "multiset" if shape == "keyless" else "key"]
            taken: dict[Method, list[float]] = {method: [] for method in methods}
            whole: dict[Method, list[float]] = {method: [] for method in methods}
            base: list[float] = []
            for _ in range(ROUNDS):
                base.append(limit(sides, name))
                for method in methods:
                    seconds, (table,) = diff(sides, tables=[name], method=method)
                    check(table, method)
                    taken[method].append(table.seconds)
                    whole[method].append(seconds)
            reference = statistics.median(base)
            words = [f"{rows / MILLION:.0f} M {name:20} limit {reference:6.2f} s"]
            for method, seconds_taken in taken.items():
                ratio = statistics.median(seconds_taken) / reference
                wanted = limits.get((method, scattered))
                over = wanted is not None and ratio > wanted
                good &= not over
                words.append(
                    f"{method} {ratio:.2f}{f' (limit {wanted})' if wanted else ''}{'!' if over else ''},"
                    f" with schemas and sessions {statistics.median(whole[method]) / reference:.2f}"
                )
            say("  ".join(words))
    return good


def check(table: TableDiff, method: Method) -> None:
    """The truth: so many of each kind; without a key a changed row is one removed and one added."""
    assert table.not_compared is None, table
    assert table.method == method, (table.method, table.why)
    keyless = not table.key
    assert (table.removed, table.changed) == ((2 * CHANGES, 0) if keyless else (CHANGES, CHANGES)), table
    assert table.added == (2 * CHANGES if keyless else CHANGES), table


def small() -> bool:
    limits: dict[tuple[Method, bool], float] = {
        ("headers", True): 0.7,
        ("headers", False): 0.3,
        ("blocks", True): 1.7,
        ("key", True): 2.0,
    }
    return compare_methods(MILLION, limits, list(SHAPES))


def large() -> bool:
    limits: dict[tuple[Method, bool], float] = {
        ("headers", True): 0.55,
        ("headers", False): 0.3,
        ("blocks", True): 1.2,
        ("key", True): 2.0,
    }
    return compare_methods(5 * MILLION, limits, ["narrow", "uuid", "composite", "keyless"])


def growth() -> bool:
    """Ten times the rows take at most ten times as long."""
    taken = {}
    for rows in (MILLION, 10 * MILLION):
        with narrow(rows) as sides:
            taken[rows] = statistics.median(diff(sides, tables=["narrow"])[0] for _ in range(ROUNDS))
    ratio = taken[10 * MILLION] / taken[MILLION]
    say(
        f"10 M rows against 1 M: {taken[10 * MILLION]:.2f} s, {taken[MILLION]:.2f} s, {ratio:.1f}x (limit 10)"
    )
    return ratio <= 10


def many() -> bool:
    """A whole database of 200 tables, where 3 differ, against the sum of its scans."""
    names = [f"t{number:03}" for number in range(200)]

    def prepare(uri: str) -> None:
        for name in names:
            fill(uri, "narrow", name, 20_000)

    def differ(uri: str) -> None:
        for name in names[::80]:
            change(uri, "narrow", name, 20_000, scattered=True, each=100)

    with branches(prepare, differ) as sides:
        scans, whole = [], []
        for _ in range(ROUNDS):
            scans.append(
                both(sides, "; ".join(f"SELECT sum(hashtextextended(t::text, 0)) FROM {t} t" for t in names))
            )
            seconds, tables = diff(sides)
            assert sum(1 for one in tables if one.total) == 3, tables
            whole.append(seconds)
    ratio = statistics.median(whole) / statistics.median(scans)
    say(f"200 tables, 3 differ: {statistics.median(whole):.2f} s, {ratio:.2f}x of their scans (limit 1.2)")
    return ratio <= 1.2


def memory() -> bool:
    """A million differing rows: the client's peak above its imports, and seconds per 100,000 rows."""
    with narrow(10 * MILLION, each=340_000) as sides:
        program = (
            "from tests.benchmarks.bench_diff import Sides, Lineage, Lsn, diff, peak\n"
            "import psycopg, sqlite3\n"
            f"sides = Sides({sides.then!r}, {sides.now!r}, Lineage(Lsn({int(sides.lineage.fork_lsn)}),"
            f" {sides.lineage.next_xid}))\n"
            "before = peak(); seconds, (table,) = diff(sides, tables=['narrow'])\n"
            "print(before, peak(), seconds, table.total)"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=dict(os.environ)
        )
    before, after, seconds, total = (float(word) for word in done.stdout.split())
    each = seconds / total * 100_000
    say(
        f"{total:,.0f} differing rows: {seconds:.1f} s, {each:.2f} s per 100,000 (limit 5); peak"
        f" {(after - before) / 1024:.0f} MiB above the imports' {before / 1024:.0f} (limit 60)"
    )
    return each <= 5 and (after - before) / 1024 <= 60


def peak() -> int:
    """Of this process, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def peer() -> bool:
    """reladiff at its best setting on the same tables."""
    program = os.environ["RELADIFF"]
    options = ["--bisection-factor", "1000", "--bisection-threshold", "16384", "-j", "2", "-s", "--json"]
    with narrow(MILLION) as sides:
        theirs, ours = [], []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            plain = [uri.replace("&channel_binding=require", "") for uri in (sides.then, sides.now)]
            subprocess.run(
                [program, plain[0], "narrow", plain[1], "narrow", "-c", "%", *options],
                check=True,
                capture_output=True,
            )
            theirs.append(time.perf_counter() - start)
            ours.append(diff(sides, tables=["narrow"])[0])
    ratio = statistics.median(theirs) / statistics.median(ours)
    say(f"reladiff {statistics.median(theirs):.1f} s, {ratio:.0f}x of ours (at least 25)")
    return ratio >= 25


PARTS: dict[str, Callable[[], bool]] = {
    part.__name__: part for part in (small, large, growth, many, memory, peer)
}


def main() -> int:
    """0 where every figure asked for keeps to its limit."""
    wanted = sys.argv[1:] or [name for name in PARTS if name != "peer" or "RELADIFF" in os.environ]
    kept = [PARTS[name]() for name in wanted]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
