"""What a person looks at: rows by position, filtered, searched, marked."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

import psycopg
import pytest

from tests.diff.catalogs import column, table
from tests.diff.databases import Comparer, Pair, run
from warubi_tui.diff import conditions, results
from warubi_tui.diff.candidates import Candidates
from warubi_tui.diff.lines import LineReader
from warubi_tui.diff.model import RowFilter, ViewRow
from warubi_tui.diff.pairing import pair as pair_up
from warubi_tui.diff.spool import Spool
from warubi_tui.diff.views import RowView, open_view
from warubi_tui.errors import UnreachableError, UsageError, WarubiError

MANY: Final = 10_000


class Opener:
    """Opens views of one table of memory."""

    def __init__(self, candidates: Candidates, reader: LineReader) -> None:
        self.results = candidates.results
        self._reader = reader

    async def __call__(self, wanted: RowFilter | None = None) -> RowView:
        return await open_view(self.results, self._reader, wanted or RowFilter(), None)


@pytest.fixture
async def opened() -> AsyncIterator[Opener]:
    """`MANY` rows: of ten the first is removed, the second added, the others changed, every second in b."""
    spool = Spool()
    of = table(column("id", "int4"), column("a", "text"), column("b", "numeric"), key=("id",))
    pairing = pair_up(of, of)
    candidates = Candidates(spool, 0, pairing, keep=MANY)
    for number in range(MANY):
        key = f"{number:08}\t{number}"
        other = "1.00" if number % 2 else "1.0"
        if number % 10 != 1:
            candidates.add("then", f"{key}\tWas {number}\t1.0\n".encode())
        if number % 10 != 0:
            candidates.add("now", f"{key}\tis {number}\t{other}\n".encode())
    await candidates.settle(lambda done, total, unit: None)
    yield Opener(candidates, LineReader("public", "t", pairing))
    spool.close()


def ids(rows: list[ViewRow]) -> list[int]:
    return [int(str((found.row.now or found.row.then or {})["id"])) for found in rows]


async def test_all_rows_by_position(opened: Opener) -> None:
    view = await opened()
    assert view.total == MANY
    assert ids(await view.rows(9_998, 10_005)) == [9_998, 9_999]
    assert await view.rows(MANY, MANY + 5) == []
    (found,) = await view.rows(13, 14)
    assert (found.number, found.marked) == (13, False)
    assert (found.row.op, found.row.columns, found.row.same_value) == ("changed", ("a", "b"), ("b",))
    assert found.row.then == {"id": "13", "a": "Was 13", "b": "1.0"}


async def test_filters_and_what_they_let_through(opened: Opener) -> None:
    removed = await opened(RowFilter(op="removed"))
    assert (removed.total, ids(await removed.rows(1, 3))) == (1_000, [10, 20])
    in_b = await opened(RowFilter(column="b"))
    assert (in_b.total, ids(await in_b.rows(0, 5))) == (4_000, [3, 5, 7, 9, 13])
    text = await opened(RowFilter(text="AS 99"))
    assert (text.total, ids(await text.rows(0, 4))) == (1 + 9 + 90 + 0, [99, 990, 992, 993])
    both = await opened(RowFilter(op="changed", column="b", text="is 99"))
    assert ids(await both.rows(0, 3)) == [99, 993, 995]
    nothing = await opened(RowFilter(op="added", column="b"))
    assert (nothing.total, await nothing.rows(0, 10)) == (0, [])
    numbers = [found.number for found in await in_b.rows(0, 3)]
    assert numbers == [3, 5, 7]


async def test_unknown_column_is_a_usage_error(opened: Opener) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        await opened(RowFilter(column="nowhere"))


async def test_more_columns_than_bits_in_a_number() -> None:
    spool = Spool()
    columns = [column(f"c{number}", "int4") for number in range(130)]
    of = table(column("id", "int4"), *columns, key=("id",))
    candidates = Candidates(spool, 0, pair_up(of, of), keep=1000)
    for number in range(130):
        then, now = ["0"] * 130, ["0"] * 130
        now[number] = "1"
        candidates.add("then", "\t".join([f"{number:04}", str(number), *then]).encode())
        candidates.add("now", "\t".join([f"{number:04}", str(number), *now]).encode())
    await candidates.settle(lambda done, total, unit: None)
    reader = LineReader("public", "t", pair_up(of, of))
    for number in (0, 58, 59, 60, 61, 129):
        view = await open_view(candidates.results, reader, RowFilter(column=f"c{number}"), None)
        assert ids(await view.rows(0, 10)) == [number]
    spool.close()


async def searched(*rows: tuple[str, str | None], text: str) -> list[int]:
    """The ids of these rows that a text is found in; None is NULL."""
    spool = Spool()
    of = table(column("id", "text"), column("v", "text"), key=("id",))
    candidates = Candidates(spool, 0, pair_up(of, of), keep=1000)
    for number, (identity, written) in enumerate(rows):
        value = r"\N" if written is None else written
        candidates.add("now", f"{identity}\t{number}\t{value}\n".encode())
    await candidates.settle(lambda done, total, unit: None)
    reader = LineReader("public", "t", pair_up(of, of))
    view = await open_view(candidates.results, reader, RowFilter(text=text), None)
    found = ids(await view.rows(0, 100))
    plain = await open_view(candidates.results, reader, RowFilter(), None)
    position = await plain.find(text, 0)
    assert (None if position is None else ids(await plain.rows(position, position + 1))) == (
        found[:1] or None
    )
    spool.close()
    return sorted(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("N", [2]),  # NULL is written \N, a newline \n
        ("nx", []),
        ("\nx", [1]),
        ("\\", [2]),
        ("\\N", [2]),
        ("\t", [4]),
        ("a\tb", [4]),
        ("ÄB", [3]),
        ("äb", []),
        ("key", []),  # what says which row it is is not one of its values
    ],
)
async def test_text_is_that_of_values_and_not_of_their_escapes(text: str, expected: list[int]) -> None:
    found = await searched(
        ("key0", None), ("key1", r"\nx"), ("key2", r"\\N"), ("key3", "Äb"), ("key4", r"a\tb"), text=text
    )
    assert found == expected


async def test_search_goes_both_ways_from_where_one_is(opened: Opener) -> None:
    view = await opened()
    assert await view.find("WAS 50", 0) == 50
    assert await view.find("was 50", 50) == 50
    assert await view.find("was 50", 51) == 500
    assert await view.find("was 50", 5_000) == 5_000
    assert await view.find("was 50", 5_100) is None
    assert await view.find("was 50", 4_999, forward=False) == 509
    assert await view.find("was 50", 49, forward=False) is None
    assert await view.find("is 9999", 0) == 9_999
    assert await view.find("was 0", 9_999, forward=False) == 0
    removed = await opened(RowFilter(op="removed"))
    assert await removed.find("was 550", 0) == 55
    assert await removed.find("is", 0) is None


async def test_marks_are_of_rows_whatever_the_view(opened: Opener) -> None:
    everything, removed = await opened(), await opened(RowFilter(op="removed"))
    await removed.toggle(2)
    assert (everything.marked, [found.marked for found in await everything.rows(19, 22)]) == (
        1,
        [False, True, False],
    )
    await removed.mark_all(True)
    assert everything.marked == 1_000
    await everything.toggle(20)
    await everything.toggle(21)
    assert removed.marked == 1_000
    marked = await opened(RowFilter(marked=True))
    assert ids(await marked.rows(0, 4)) == [0, 10, 21, 30]
    await removed.mark_all(False)
    assert (everything.marked, ids(await (await opened(RowFilter(marked=True))).rows(0, 9))) == (1, [21])
    await everything.mark_all(True)
    await everything.mark_all(True)
    assert everything.marked == MANY
    await everything.mark_all(False)
    assert everything.marked == 0


async def test_closed_view_is_empty_and_marks_stay(opened: Opener) -> None:
    view = await opened(RowFilter(op="added"))
    await view.mark_all(True)
    await view.close()
    await view.close()
    assert (view.total, await view.rows(0, 10)) == (0, [])
    assert opened.results.marked == 1_000


async def test_filter_lets_others_go_on_and_can_be_cancelled(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = await opened()
    turns = 0
    filtering = asyncio.create_task(opened(RowFilter(text="a")))
    while not filtering.done():
        turns += 1
        await view.rows(0, 10)
    assert turns > 2
    seen: list[range] = []
    original = results.Results.scan

    def scan(
        self: results.Results, needle: results.Needle, places: range, view: str | None = None
    ) -> tuple[list[results.Found], int]:
        seen.append(places)
        cancelled.cancel()
        return original(self, needle, places, view)

    monkeypatch.setattr(results.Results, "scan", scan)
    cancelled = asyncio.create_task(opened(RowFilter(text="a")))
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert len(seen) == 1


async def test_large_values_are_looked_through_in_small_steps(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "_SCAN_BYTES", 1000)
    assert (await opened(RowFilter(text="was"))).total == MANY - 1_000
    view = await opened()
    assert await view.find("is 4321", 9_999, forward=False) == 4_321


async def test_a_view_of_many_rows_opens_at_once_and_pages_quickly(opened: Opener) -> None:
    started = time.process_time()
    view = await opened()
    for start in range(0, MANY, 500):
        assert len(await view.rows(start, start + 40)) == 40
    assert (time.process_time() - started) / 20 < 0.016


async def test_views_of_a_closed_comparison_say_so(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY)")
    pair.on_now("INSERT INTO t SELECT generate_series(1, 10)")
    diff = await compare()
    view = await diff.view("public", "t", RowFilter(op="added"))
    diff.close()
    with pytest.raises(WarubiError, match="closed"):
        await view.rows(0, 5)
    await view.close()
    with pytest.raises(UsageError, match="not compared"):
        await diff.view("public", "t", RowFilter())


TYPES: Final = """
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE point3 AS (x int, y numeric, t text);
CREATE DOMAIN small AS int CHECK (value < 100);
CREATE TABLE t (
    id int PRIMARY KEY, "we%s""ird" text, mood mood, p point3, small small, n numeric(6, 2), c char(5),
    tags text[], j jsonb, at timestamptz, b bytea, r int4range, "q" "char", place int, x xid8);
INSERT INTO t VALUES
    (1, 'a%b', 'sad', (1, 1.50, 'x,"y"'), 7, 1.10, 'ab', '{a,"b c",NULL}', '{"k": [1, 2]}',
     '2026-01-02 03:04:05+02', '\\xdead', '[1,5)', 'z', 3, '9'),
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, E'tab\\there\\n\\\\',
     'happy', (2, NULL, ''), 8, -3, '', '{}', '3', 'infinity', '', 'empty', '\\012', 4, '8');
"""


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("id = 1", [1]),
        ("mood > 'sad'", [3]),
        ("mood > 'sad'::mood", [3]),
        ("(p).y = 1.5 AND (p).t = 'x,\"y\"'", [1]),
        ("small + 1 = 8", [1]),
        ("n = 1.1 AND c = 'ab'", [1]),
        ("'b c' = ANY (tags)", [1]),
        ("tags = '{}'", [3]),
        ("j -> 'k' @> '2'", [1]),
        ("at < '2026-01-02 01:04:06Z'", [1]),
        ("b = '\\xdead' OR isempty(r)", [1, 3]),
        ('"we%s""ird" LIKE \'a%\'', [1]),
        ('strpos("we%s""ird", E\'\\t\') > 0 -- and so on', [3]),
        ("t.mood IS NULL", [2]),
        ("t IS NOT NULL", [1, 3]),
        ("(SELECT count(*) FROM (SELECT t.*) s) = 1 AND ID = 2", [2]),
        ('U&"\\0069d" = 1', [1]),
        ("place = 3 /* the column, not the row's */", [1]),
        ("q = 'z'", [1]),
        ("false", []),
        ("NULL", []),
    ],
)
async def test_condition_is_evaluated_by_the_server_for_every_type(
    pair: Pair, compare: Comparer, condition: str, expected: list[int]
) -> None:
    pair.both(TYPES)
    pair.on_now("DELETE FROM t")
    diff = await compare()
    view = await diff.view("public", "t", RowFilter(condition=condition))
    assert ids(await view.rows(0, 10)) == expected


async def test_condition_is_true_of_either_version_and_joins_the_other_filters(
    pair: Pair, compare: Comparer
) -> None:
    pair.both(
        "CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t SELECT n, n FROM generate_series(1, 9) n"
    )
    pair.on_now(
        "UPDATE t SET v = v + 100 WHERE id > 2; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (20, 104)"
    )
    diff = await compare()
    for wanted, expected in (
        (RowFilter(condition="v = 4 OR v = 105 OR v = 2"), [2, 4, 5]),
        (RowFilter(condition="v = 104"), [4, 20]),
        (RowFilter(condition="v = 104", op="added"), [20]),
        (RowFilter(condition="v < 110 AND id < 6", text="103"), [3]),
    ):
        assert ids(await (await diff.view("public", "t", wanted)).rows(0, 10)) == expected


@pytest.mark.parametrize("gone", [["then"], ["now"], ["then", "now"]])
async def test_where_a_side_is_gone_the_other_one_looks_at_both_versions(
    pair: Pair, compare: Comparer, gone: list[str]
) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
    pair.on_now("DELETE FROM t WHERE id = 1; UPDATE t SET v = 9 WHERE id = 2; INSERT INTO t VALUES (4, 4)")
    diff = await compare()
    for side in gone:
        server, _, name = getattr(pair, side).rpartition("/")
        run(f"{server}/postgres", f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    if len(gone) == 2:
        with pytest.raises(UnreachableError):
            await diff.view("public", "t", RowFilter(condition="v IN (1, 2)"))
    else:
        view = await diff.view("public", "t", RowFilter(condition="v IN (1, 2, 4)"))
        assert ids(await view.rows(0, 9)) == [1, 2, 4]


async def test_column_of_one_side_is_looked_at_there(pair: Pair, compare: Comparer) -> None:
    pair.on_then(
        "CREATE TABLE t (id int PRIMARY KEY, v int, old int); INSERT INTO t VALUES (1, 1, 1), (2, 1, 2)"
    )
    pair.on_now("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 2), (2, 2)")
    diff = await compare()
    assert ids(await (await diff.view("public", "t", RowFilter(condition="old = 2"))).rows(0, 9)) == [2]
    with pytest.raises(UsageError, match="does not accept") as refused:
        await diff.view("public", "t", RowFilter(condition="neither = 2"))
    assert 'column "neither" does not exist' in refused.value.detail


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("v >", "syntax error"),
        ("v", "must be type boolean"),
        ("1 / (v - 1) = 1", "division by zero"),
        ("true); DELETE FROM t; SELECT (true", "multiple commands"),
        ("(SELECT setval('s', 9)) > 0", "read-only"),
        ("pg_sleep(60) IS NULL", "timeout"),
        ("v = 1\0 OR true", "syntax error"),
    ],
)
async def test_condition_that_fails_is_said_and_changes_nothing(
    pair: Pair, compare: Comparer, monkeypatch: pytest.MonkeyPatch, condition: str, says: str
) -> None:
    monkeypatch.setattr(conditions, "STATEMENT_TIMEOUT_SECONDS", 1)
    pair.both("CREATE TABLE t (id int PRIMARY KEY, v int); CREATE SEQUENCE s")
    pair.on_now("INSERT INTO t VALUES (1, 1)")
    diff = await compare()
    with pytest.raises(UsageError, match="does not accept") as refused:
        await diff.view("public", "t", RowFilter(condition=condition))
    assert says in refused.value.detail
    with psycopg.connect(pair.now) as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchall() == [(1,)]


async def test_characters_that_no_value_has_are_found_nowhere(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE t (v text)")
    pair.on_now("INSERT INTO t VALUES ('\\ud800'), ('x')")
    diff = await compare()
    assert (await diff.view("public", "t", RowFilter(text="\ud800"))).total == 0
    assert (await diff.view("public", "t", RowFilter(text="\0"))).total == 0
    with pytest.raises(UsageError, match="character"):
        await diff.view("public", "t", RowFilter(condition="v = '\ud800'"))


async def test_condition_is_evaluated_where_the_type_is_looked_up(pair: Pair, compare: Comparer) -> None:
    pair.both(
        "CREATE SCHEMA shop; CREATE TYPE shop.kind AS ENUM ('a', 'b');"
        "CREATE TABLE shop.t (id int, k shop.kind)"
    )
    pair.on_now("INSERT INTO shop.t VALUES (1, 'a'), (2, 'b')")
    diff = await compare()
    view = await diff.view("shop", "t", RowFilter(condition="k = 'b'::kind"))
    assert ids(await view.rows(0, 10)) == [2]
