"""The report of real comparisons, read as a browser would."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from html.parser import HTMLParser

from tests.diff.databases import Comparer, Pair
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.report.cells import LONGEST
from warubi_tui.diff.report.page import About, report
from warubi_tui.text import clean

MADE = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\u200b\"'&amp;</td></table>\n"


@dataclass
class Page(HTMLParser):
    """What is on a page."""

    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str | None]] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    """The texts of the cells of each row."""
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open or "th" in self.open:
            self.cells[-1][-1] += data


async def page_of(diff: DatabaseDiff, *, rows: int = 1000) -> tuple[str, Page]:
    findings = await diff.findings(diff.tables)
    about = About("main@-15m", HOSTILE, MADE, "id > 0")
    html = "".join([piece async for piece in report(diff, about, findings, rows=rows)])
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == [], "every tag is closed"
    return html, page


async def test_rows_with_old_and_new_values(pair: Pair, compare: Comparer) -> None:
    pair.both(
        "CREATE TABLE customers (name text, id int PRIMARY KEY, note text, price numeric);"
        "INSERT INTO customers VALUES ('Ann', 1, NULL, 1), ('Bob', 2, '', 1.0)"
    )
    pair.on_now(
        "DELETE FROM customers WHERE id = 1; UPDATE customers SET note = NULL, price = 1.00 WHERE id = 2;"
        "INSERT INTO customers VALUES ('Dan', 4, 'new', 7)"
    )
    html, page = await page_of(await compare())
    assert ["", "id", "name", "note", "price"] in page.cells
    assert ["-", "1", "Ann", "NULL", "1"] in page.cells
    assert ["~", "2", "Bob", "'' → NULL", "1.0 → 1.00 equal in value"] in page.cells
    assert ["+", "4", "Dan", "new", "7"] in page.cells
    assert "<del>1.0</del> → <ins>1.00</ins>" in html
    assert "<p>1 row removed: id 1</p>\n<pre>then: WHERE id = 1</pre>" in html
    assert "Made 2026-11-22 14:05:00Z" in html
    assert "id &gt; 0" in html


async def test_nothing_is_loaded_run_or_left(pair: Pair, compare: Comparer) -> None:
    pair.on_then("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)")
    html, page = await page_of(await compare())
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(page.tags)
    assert all(
        (value or "").startswith("#t") for name, value in page.attributes if name in ("href", "src")
    ), "links stay on the page"
    assert "default-src 'none'" in html
    assert "url(" not in html
    assert "http:" not in html
    assert "https:" not in html


async def test_hostile_values_and_names_stay_values_and_names(pair: Pair, compare: Comparer) -> None:
    quoted = '"' + HOSTILE.replace('"', '""')[:60] + '"'
    pair.both(f"CREATE TABLE {quoted} (id int PRIMARY KEY, {quoted} text)")
    literal = HOSTILE.replace("'", "''")
    pair.on_then(f"INSERT INTO {quoted} VALUES (1, '{literal}')")
    html, page = await page_of(await compare())
    assert "script" not in page.tags
    assert [row[2] for row in page.cells if row[:2] == ["-", "1"]] == [clean(HOSTILE)]
    assert [char for char in html if not char.isprintable() and char != "\n"] == []


async def test_what_is_cut_is_said_to_be(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY, long text)")
    pair.on_then(f"INSERT INTO t SELECT n, repeat('x', {LONGEST + 1}) FROM generate_series(1, 12) n")
    html, page = await page_of(await compare(), rows=10)
    assert len([row for row in page.cells if row[0] == "-"]) == 10
    assert "Shown: 10 of 12 rows that differ." in html
    assert page.cells[-1][2] == "x" * LONGEST + f"… {LONGEST + 1:,} characters"
    html, _ = await page_of(await compare(keep_rows=5))
    assert "Shown: 5 of 12 rows that differ." in html


async def test_columns_of_both_sides(pair: Pair, compare: Comparer) -> None:
    pair.on_then("CREATE TABLE t (id int PRIMARY KEY, gone text); INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    pair.on_now("CREATE TABLE t (id int PRIMARY KEY, new text); INSERT INTO t VALUES (2, 'c'), (3, 'd')")
    html, page = await page_of(await compare())
    assert ["", "id", "gone", "new"] in page.cells
    assert ["-", "1", "a", ""] in page.cells
    assert ["+", "3", "", "d"] in page.cells
    assert "public.t.gone" in html
    assert "\n-    gone text\n" in html.replace(",", ""), "the schemas as text"


async def test_tables_without_a_difference_are_counted(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)")
    html, page = await page_of(await compare())
    assert "No difference was found." in html
    assert "2 tables without a difference." in html
    assert "table" not in page.tags


async def test_what_could_not_be_compared_comes_first(pair: Pair, compare: Comparer) -> None:
    pair.both("CREATE TABLE a (id int PRIMARY KEY); CREATE UNLOGGED TABLE z (id int)")
    pair.on_then("INSERT INTO a VALUES (1)")
    html, page = await page_of(await compare())
    assert "Not everything could be compared." in html
    assert [row[0] for row in page.cells if row[0].startswith("public.")] == ["public.z", "public.a"]
    assert "<b>Not compared:</b>" in html
