"""Each way of finding rows, on servers that share their past and on such that do not."""

from collections.abc import Sequence

import pytest

from tests.diff.databases import Pair
from tests.diff.rows.conftest import Forked
from warubi_tui.diff import progress
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.model import Method, Progress, RowDiff, TableDiff, TableProgress
from warubi_tui.diff.rows import blockwise, buckets, fetch, pace, statements
from warubi_tui.secret import Secret

# Scattered over all blocks, at both ends, and behind the end of the other side.
CHANGES = (
    "DELETE FROM wide WHERE id % 100 = 7",
    "UPDATE wide SET v = 1 WHERE id % 100 = 50",
    "INSERT INTO wide SELECT n, 2, repeat('y', 1000) FROM generate_series(2001, 2200) n",
    "DELETE FROM bag WHERE ctid IN (SELECT min(ctid) FROM bag WHERE v % 50 = 3 GROUP BY v)",
    "INSERT INTO bag VALUES (10, 'x'), (10, 'x'), (NULL, NULL)",
    "UPDATE parted SET v = 1 WHERE id IN (1, 499, 500, 1000)",
    "UPDATE parted SET id = 1500 WHERE id = 3",
)
EXPECTED = {"wide": (14, 200, 14), "bag": (10, 3, 0), "parted": (1, 1, 4)}


async def compare(
    sides: Forked | Pair, *, lineage: Lineage | None = None, method: Method | None = None
) -> tuple[dict[str, TableDiff], list[RowDiff]]:
    async with DatabaseDiff(
        Secret(sides.then), Secret(sides.now), lineage=lineage, method=method, connections=1
    ) as diff:
        await diff.run()
        return {table.table: table for table in diff.tables}, [row async for row in diff.all_rows()]


def numbers(tables: dict[str, TableDiff]) -> dict[str, tuple[int, int, int]]:
    return {name: (about.removed, about.added, about.changed) for name, about in tables.items()}


def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several steps of several ranges, several lists, several batches."""
    monkeypatch.setattr(pace, "_WIDTH", 4)
    monkeypatch.setattr(pace, "_TRIAL", 16)
    monkeypatch.setattr(pace, "_STEP", 32)
    monkeypatch.setattr(blockwise, "_LISTED", 3)
    monkeypatch.setattr(blockwise, "_DIGESTED", 5)
    monkeypatch.setattr(fetch, "BATCH_ROWS", 7)


async def test_headers_of_a_copy(forked: Forked, monkeypatch: pytest.MonkeyPatch) -> None:
    small_steps(monkeypatch)
    forked.original.run(*CHANGES)
    lineage = Lineage(forked.fork.lsn, forked.fork.next_xid)
    tables, rows = await compare(forked, lineage=lineage)
    assert {about.method for about in tables.values()} == {"headers"}
    assert {about.why for about in tables.values()} == {""}
    assert numbers(tables) == EXPECTED
    assert len(rows) == sum(sum(found) for found in EXPECTED.values())
    assert {row.key["id"] for row in rows if row.table == "parted" and row.op == "changed"} == {
        "1",
        "499",
        "500",
        "1000",
    }


async def test_headers_by_what_the_control_file_says(forked: Forked) -> None:
    forked.original.run(*CHANGES)
    tables, _ = await compare(forked, lineage=Lineage(forked.fork.lsn))
    assert {about.method for about in tables.values()} == {"headers"}
    assert numbers(tables) == EXPECTED


async def test_headers_of_a_copy_in_recovery(frozen: Forked) -> None:
    frozen.original.run(*CHANGES)
    tables, _ = await compare(frozen, lineage=Lineage(frozen.fork.lsn, then_frozen=True))
    assert {about.method for about in tables.values()} == {"headers"}
    assert numbers(tables) == EXPECTED


async def test_rows_that_both_sides_wrote_at_one_place_with_one_id(
    forked: Forked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same transactions on both sides, but for what some of them write."""
    small_steps(monkeypatch)
    insert = "INSERT INTO wide SELECT n, n % {}, 'z' FROM generate_series(3001, 3040) n"
    forked.fork.copy.run(insert.format(2))
    forked.original.run(insert.format(4))
    lineage = Lineage(forked.fork.lsn, forked.fork.next_xid)
    tables, rows = await compare(forked, lineage=lineage)
    assert tables["wide"].method == "headers"
    assert numbers(tables)["wide"] == (0, 0, 20)
    assert {(row.then or {})["v"] for row in rows} == {"0", "1"}


async def test_a_horizon_that_is_too_high_misses_them(forked: Forked) -> None:
    """What the horizon is for: with one of after the fork the difference is not found."""
    forked.fork.copy.run("INSERT INTO bag VALUES (1, 'then')")
    forked.original.run("INSERT INTO bag VALUES (1, 'now')")
    right = Lineage(forked.fork.lsn, forked.fork.next_xid)
    wrong = Lineage(forked.fork.lsn, forked.fork.next_xid + 1)
    assert numbers((await compare(forked, lineage=right))[0])["bag"] == (1, 1, 0)
    assert numbers((await compare(forked, lineage=wrong))[0])["bag"] == (0, 0, 0)


async def test_contents_block_by_block_without_a_horizon(
    forked: Forked, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_steps(monkeypatch)
    forked.original.run(*CHANGES)
    tables, _ = await compare(forked)
    assert {about.method for about in tables.values()} == {"blocks"}
    assert tables["wide"].why == "it is not known where the two histories part"
    assert numbers(tables) == EXPECTED


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            "ALTER TABLE wide DROP v; ALTER TABLE wide ADD v int DEFAULT 0",
            "column v was dropped and made again",
        ),
        ("VACUUM FULL wide", "its file was rewritten since (TRUNCATE, VACUUM FULL, CLUSTER or ALTER TABLE)"),
        ("ALTER TABLE wide ALTER pad TYPE text", ""),
        ("ALTER TABLE wide ADD more int DEFAULT 7", ""),
        (
            "DROP TABLE wide; CREATE TABLE wide (id int PRIMARY KEY)",
            "the table, or a part of it, was made again since",
        ),
    ],
)
async def test_what_stands_in_the_way_of_headers(forked: Forked, change: str, why: str) -> None:
    forked.original.run(*change.split("; "))
    tables, _ = await compare(forked, lineage=Lineage(forked.fork.lsn, forked.fork.next_xid))
    assert tables["wide"].why == why
    assert (tables["wide"].method == "headers") == (not why)
    assert tables["bag"].method == "headers"


async def test_both_sides_altered_the_table(forked: Forked) -> None:
    for cluster in (forked.original, forked.fork.copy):
        cluster.run("ALTER TABLE wide ADD more int DEFAULT 7")
    tables, _ = await compare(forked, lineage=Lineage(forked.fork.lsn, forked.fork.next_xid))
    assert (tables["wide"].method, tables["wide"].why) == (
        "blocks",
        "both sides altered the table since the branch point",
    )


async def test_a_partition_that_is_new_leaves_the_others_their_headers(forked: Forked) -> None:
    forked.original.run(
        "CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM (2000) TO (3000)",
        "INSERT INTO parted VALUES (2001, 1), (2002, 1)",
        "UPDATE parted SET id = 2003 WHERE id = 1",
    )
    tables, _ = await compare(forked, lineage=Lineage(forked.fork.lsn, forked.fork.next_xid))
    assert (tables["parted"].method, tables["parted"].why) == ("headers", "")
    assert numbers(tables)["parted"] == (1, 3, 0)


FORCED: Sequence[Method] = ("headers", "blocks", "key", "multiset")


@pytest.mark.parametrize("method", FORCED)
async def test_a_method_that_was_asked_for(forked: Forked, method: Method) -> None:
    forked.original.run(*CHANGES, "VACUUM FULL wide")
    tables, _ = await compare(forked, lineage=Lineage(forked.fork.lsn, forked.fork.next_xid), method=method)
    said = {name: about.not_compared for name, about in tables.items()}
    match method:
        case "headers":
            assert str(said.pop("wide")).startswith("cannot be compared by headers: its file was rewritten")
        case "key":
            assert said.pop("bag") == "cannot be compared by key: no key is there on both sides"
        case _:
            pass
    assert set(said.values()) == {None}
    assert {name: found for name, found in numbers(tables).items() if name in said} == {
        name: found for name, found in EXPECTED.items() if name in said
    }
    assert {tables[name].method for name in said} == {method}


@pytest.mark.parametrize("method", ["headers", "one side", "none"])
async def test_a_method_that_would_be_wrong_is_refused(pair: Pair, method: Method) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY)")
    tables, _ = await compare(pair, method=method)
    assert tables["t"].method == "none"
    assert tables["t"].not_compared is not None


async def test_strangers_are_compared_by_contents(pair: Pair) -> None:
    pair.both(
        "CREATE TABLE keyed (id int PRIMARY KEY, v int);"
        "INSERT INTO keyed SELECT n, 0 FROM generate_series(1, 99) n;"
        "CREATE TABLE bag (v int)"
    )
    pair.on_now("UPDATE keyed SET v = 1 WHERE id = 5")
    tables, _ = await compare(pair)
    assert (tables["keyed"].method, tables["bag"].method) == ("key", "multiset")
    assert tables["keyed"].why == "the two sides are not copies of one cluster"
    assert tables["bag"].why == "the two sides are not copies of one cluster; no key is there on both sides"
    assert numbers(tables)["keyed"] == (0, 0, 1)


@pytest.mark.parametrize("most", [0, 3, 2_000_000])
@pytest.mark.parametrize("bucket_count", [1, 64, 65_536])
async def test_buckets_however_many_rows_differ(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, most: int, bucket_count: int
) -> None:
    monkeypatch.setattr(buckets, "_MOST_PLACES", most)
    monkeypatch.setattr(buckets, "_SORTED", 10)
    monkeypatch.setattr(statements, "BUCKETS", bucket_count)
    pair.both(
        "CREATE TABLE a (id int PRIMARY KEY, v int);"
        "INSERT INTO a SELECT n, 0 FROM generate_series(1, 2000) n;"
        "CREATE TABLE b (k text, n int, v text, PRIMARY KEY (k, n));"
        "INSERT INTO b SELECT 'k' || n, n, 'x' FROM generate_series(1, 500) n;"
        "CREATE TABLE bag (v int); INSERT INTO bag SELECT n / 2 FROM generate_series(1, 300) n;"
        "CREATE TABLE gone (id int PRIMARY KEY); INSERT INTO gone SELECT generate_series(1, 300)"
    )
    pair.on_now(
        "UPDATE a SET v = 1 WHERE id % 40 = 1; DELETE FROM a WHERE id = 77; UPDATE b SET v = 'y' WHERE n < 9;"
        "DELETE FROM bag WHERE v = 5; INSERT INTO bag VALUES (6), (999); TRUNCATE gone"
    )
    tables, rows = await compare(pair)
    assert numbers(tables) == {"a": (1, 0, 50), "b": (0, 0, 8), "bag": (2, 2, 0), "gone": (300, 0, 0)}
    assert len(rows) == 363


async def test_progress_is_told_in_blocks_of_a_copy(forked: Forked, monkeypatch: pytest.MonkeyPatch) -> None:
    small_steps(monkeypatch)
    monkeypatch.setattr(progress, "_SECONDS", 0.0)
    told: list[TableProgress] = []

    def tell(about: Progress) -> None:
        told.extend(one for one in about.current if one.table == "wide" and one.total)

    lineage = Lineage(forked.fork.lsn, forked.fork.next_xid)
    async with DatabaseDiff(
        Secret(forked.then), Secret(forked.now), tables=["wide"], lineage=lineage, connections=1
    ) as diff:
        await diff.run(on_progress=tell)
    size = int(forked.original.ask("SELECT pg_relation_size('wide') / 8192"))
    assert {(one.total, one.unit) for one in told} == {(size, "blocks")}
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert len({one.done for one in told}) > 2
    assert told[-1].done == size
