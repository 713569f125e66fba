"""Candidates of both sides become the differences of a table."""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.diff.catalogs import column, table
from warubi_tui.diff import sorting
from warubi_tui.diff.candidates import Candidates, Tally
from warubi_tui.diff.pairing import Pairing, pair
from warubi_tui.diff.spool import Spool
from warubi_tui.errors import WarubiError


@pytest.fixture
def spool() -> Iterator[Spool]:
    spool = Spool()
    yield spool
    spool.close()


KEYED = table(column("id", "int4"), column("v", "text"), column("n", "numeric"), key=("id",))
BARE = table(column("v", "text"))


def pairing(of: object = KEYED) -> Pairing:
    return pair(KEYED, KEYED) if of is KEYED else pair(BARE, BARE)


def line(key: str, *values: str) -> bytes:
    return "\t".join((key, *values)).encode() + b"\n"


def ignore(done: int, total: int, unit: str) -> None:
    """Looks at no progress."""


def kept(candidates: Candidates) -> list[tuple[str, bytes | None, bytes | None]]:
    return [(row.op, row.then, row.now) for row in candidates.results.page(0, 1 << 40)]


async def test_partners_come_together_and_equal_rows_are_dropped(spool: Spool) -> None:
    candidates = Candidates(spool, 0, pairing(), keep=10)
    candidates.add("now", line("b", "2", "new", "1"))
    candidates.add("then", line("c", "3", "same", "1"))
    candidates.add("then", line("b", "2", "old", "1"))
    candidates.add("now", line("d", "4", "x", "1"))
    candidates.add("now", line("c", "3", "same", "1"))
    candidates.add("then", line("a", "1", "x", "1"))
    assert candidates.found == 3
    tally = await candidates.settle(ignore)
    assert tally == Tally(removed=1, added=1, changed=1, columns=Counter(v=1), kept=3)
    assert kept(candidates) == [
        ("removed", b"1\tx\t1", None),
        ("changed", b"2\told\t1", b"2\tnew\t1"),
        ("added", None, b"4\tx\t1"),
    ]


async def test_identity_is_ordered_by_its_bytes_and_not_by_its_escapes(spool: Spool) -> None:
    candidates = Candidates(spool, 0, pairing(), keep=10)
    for key in (r"A", r"\t", r"\\", "é", "z", ""):
        candidates.add("then", line(key, key, "", "0"))
    await candidates.settle(ignore)
    assert [was for _, was, _ in kept(candidates)] == [
        line(key, "", "0").rstrip(b"\n") for key in ("", r"\t", "A", r"\\", "z", "é")
    ]


async def test_several_fields_of_identity_do_not_run_together(spool: Spool) -> None:
    two = table(column("a", "text"), column("b", "text"), key=("a", "b"))
    candidates = Candidates(spool, 0, pair(two, two), keep=10)
    candidates.add("then", line("ab\tc", "ab", "c"))
    candidates.add("now", line("a\tbc", "a", "bc"))
    candidates.add("now", line("a\tz", "a", "z"))
    tally = await candidates.settle(ignore)
    assert (tally.removed, tally.added, tally.changed) == (1, 2, 0)
    assert [was or now for _, was, now in kept(candidates)] == [b"a\tbc", b"a\tz", b"ab\tc"]


async def test_without_a_key_rows_count_as_often_as_they_occur(spool: Spool) -> None:
    candidates = Candidates(spool, 0, pairing(BARE), keep=3)
    for side, count in (("then", 5), ("now", 2)):
        for _ in range(count):
            candidates.add("then" if side == "then" else "now", line("(x)", "x"))
    candidates.add("now", line("(y)", "y"))
    tally = await candidates.settle(ignore)
    assert (tally.removed, tally.added, tally.changed, tally.kept) == (3, 1, 0, 3)
    assert kept(candidates) == [("removed", b"x", None)] * 3


async def test_many_equal_rows_without_a_key(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "_BATCH_ROWS", 100)
    candidates = Candidates(spool, 0, pairing(BARE), keep=10)
    for _ in range(20_000):
        candidates.add("then", line("(x)", "x"))
    beats: list[tuple[int, int, str]] = []
    tally = await candidates.settle(lambda done, total, unit: beats.append((done, total, unit)))
    assert (tally.removed, tally.kept) == (20_000, 10)
    assert beats[-1] == (20_000, 20_000, "rows found")


async def test_a_row_counts_if_either_version_is_wanted(spool: Spool) -> None:
    candidates = Candidates(spool, 0, pairing(), keep=10)
    for key, then, now in (("a", True, False), ("b", False, True), ("c", False, False)):
        candidates.add("then", line(key, key, "old", "0"), then)
        candidates.add("now", line(key, key, "new", "0"), now)
    candidates.add("then", line("d", "d", "", "0"), False)
    candidates.add("now", line("e", "e", "", "0"), False)
    tally = await candidates.settle(ignore)
    assert (tally.removed, tally.added, tally.changed) == (0, 0, 2)


async def test_changes_of_print_alone_are_counted(spool: Spool) -> None:
    candidates = Candidates(spool, 0, pairing(), keep=10)
    for key, then, now in (
        ("a", "x\t1.0", "x\t1.00"),
        ("b", "x\t1.0", "y\t1.00"),
        ("c", "x\t1", r"x" "\t" r"\N"),
    ):
        candidates.add("then", line(key, key, then))
        candidates.add("now", line(key, key, now))
    tally = await candidates.settle(ignore)
    assert (tally.changed, tally.same_value, dict(tally.columns)) == (3, 1, {"n": 3, "v": 1})


async def test_columns_that_are_not_compared_make_no_difference(spool: Spool) -> None:
    then = table(column("id", "int4"), column("gone", "text"), key=("id",))
    now = table(column("id", "int4"), column("new", "text"), column("newer", "text"), key=("id",))
    candidates = Candidates(spool, 0, pair(then, now), keep=10)
    candidates.add("then", line("a", "1", "x"))
    candidates.add("now", line("a", "1", "y", "z"))
    assert (await candidates.settle(ignore)).total == 0


async def test_numbers_are_exact_when_not_all_is_kept(spool: Spool) -> None:
    candidates = Candidates(spool, 0, pairing(), keep=7)
    numbers = list(range(30_000))
    random.Random(4).shuffle(numbers)
    for number in numbers:
        candidates.add("then", line(f"{number:08}", str(number), "old", "0"))
        if number % 3:
            candidates.add("now", line(f"{number:08}", str(number), "new", "0"))
    tally = await candidates.settle(ignore)
    assert (tally.removed, tally.changed, tally.kept) == (10_000, 20_000, 7)
    assert [was for _, was, _ in kept(candidates)] == [b"%d\told\t0" % number for number in range(7)]


async def test_tables_fill_at_the_same_time(spool: Spool) -> None:
    several = [Candidates(spool, number, pairing(), keep=20_000) for number in range(3)]
    for number in range(20_000):
        for candidates in several:
            candidates.add("now", line(f"{number:08}", str(number), "x", "0"))
    tallies = await asyncio.gather(*(candidates.settle(ignore) for candidates in several))
    assert [tally.added for tally in tallies] == [20_000] * 3
    for candidates in several:
        assert [row.now for row in candidates.results.page(19_999, 20_000)] == [b"19999\tx\t0"]


async def test_forgotten_candidates_leave_nothing(spool: Spool) -> None:
    candidates = Candidates(spool, 0, pairing(), keep=10)
    candidates.add("then", line("a", "1", "x", "0"))
    await candidates.settle(ignore)
    candidates.forget()
    candidates.forget()
    assert (kept(candidates), candidates.tally) == ([], Tally())


async def test_event_loop_gets_its_turn_while_rows_are_settled(spool: Spool) -> None:
    candidates = Candidates(spool, 0, pairing(), keep=100_000)
    for number in range(50_000):
        candidates.add("now", line(f"{number:08}", str(number), "x", "0"))
    settling = asyncio.create_task(candidates.settle(ignore))
    turns = 0
    while not settling.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 10


async def test_cancelled_while_it_sorts(spool: Spool) -> None:
    candidates = Candidates(spool, 0, pairing(), keep=100_000)
    for number in range(50_000):
        candidates.add("now", line(f"{number:08}", str(number), "x", "0"))
    settling = asyncio.create_task(candidates.settle(ignore))
    await asyncio.sleep(0)
    settling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await settling
    candidates.forget()
    assert kept(candidates) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are read from /proc")
def test_nothing_has_a_name_on_disk_nor_while_it_is_sorted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sorter = sorting.Sorter()
    for number in range(100_000):
        sorter.add(sorting.Unsorted(b"%08d" % (number * 7919 % 100_000), 0, b"secret" * 20, True))
    rows = sorter.rows()
    assert next(rows).key == b"00000000"
    assert list(tmp_path.rglob("*")) == []
    links = [entry for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
    files = [
        (str(entry.readlink()), entry.stat().st_mode & 0o777, entry.stat().st_size)
        for entry in links
        if str(tmp_path) in str(entry.readlink()) or "etilqs_" in str(entry.readlink())
    ]
    assert len(files) >= 2
    assert all(name.endswith("(deleted)") and mode == 0o600 for name, mode, _ in files)
    assert sum(size for _, _, size in files) > 20_000_000
    assert sum(1 for _ in rows) == 99_999
    sorter.close()
    sorter.close()


def test_no_room_is_said(spool: Spool) -> None:
    spool.run(lambda database: database.execute("PRAGMA max_page_count = 10").fetchall())
    candidates = Candidates(spool, 0, pairing(), keep=10)
    candidates.add("then", line("a", "1", "x" * 100_000, "0"))
    with pytest.raises(WarubiError, match="no room"):
        asyncio.run(candidates.settle(ignore))
