"""The rows of a real comparison on the screen: its filters, marks and copies are those of the grid."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg

from tests.conftest import ThrowawayPostgres
from tests.screens.conftest import FakeServices, Open, console, settle, until, words
from warubi_tui.dialogs.condition import ConditionDialog
from warubi_tui.diff.database import DatabaseDiff
from warubi_tui.diff.model import RowFilter
from warubi_tui.neon.models import Branch
from warubi_tui.screens.diff import DiffScreen
from warubi_tui.screens.diff_rows import RowsScreen
from warubi_tui.screens.services import Comparison
from warubi_tui.secret import Secret


@dataclass
class RealServices(FakeServices):
    """Two databases of a server, as two branches."""

    then: str = ""
    now: str = ""

    @asynccontextmanager
    async def comparison(
        self, then: Branch, now: Branch, database: str | None, notice: Callable[[str], None]
    ) -> AsyncIterator[Comparison]:
        yield DatabaseDiff(Secret(self.then), Secret(self.now))


def two_databases(postgres: ThrowawayPostgres) -> RealServices:
    """A table of which the rows with open orders are gone, and one row is changed."""
    services = RealServices(then=postgres.create_database(), now=postgres.create_database())
    for uri, condition in ((services.then, "true"), (services.now, "n % 5 <> 0")):
        with psycopg.connect(uri, autocommit=True) as server:
            server.execute(
                f"""CREATE TABLE orders (id int PRIMARY KEY, status text, total numeric,
                    double numeric GENERATED ALWAYS AS (total * 2) STORED);
                INSERT INTO orders SELECT n, CASE n % 5 WHEN 0 THEN 'open' ELSE 'paid' END, n
                FROM generate_series(1, 1000) n WHERE {condition};
                CREATE TABLE customers AS SELECT 1 AS id""".encode()
            )
    with psycopg.connect(services.now, autocommit=True) as server:
        server.execute("UPDATE orders SET total = '2.00' WHERE id = 2")
    return services


async def test_rows_of_a_real_comparison_are_filtered_marked_and_copied(
    open_console: Open, postgres: ThrowawayPostgres
) -> None:
    services = two_databases(postgres)
    async with open_console(services) as pilot:
        console(pilot).show_diff(services.all_branches[1], services.all_branches[0])
        await until(pilot, lambda: "201 rows in 1 of 2 tables differ" in words(pilot))
        await settle(pilot)
        assert "200 rows removed" in words(pilot)
        assert "▸ 1 unchanged table" in words(pilot)
        await pilot.press("f")
        await until(pilot, lambda: "row 1 of 200 · only removed, where" in words(pilot))
        await pilot.press("x")
        await until(pilot, lambda: "of 201" in words(pilot))
        assert "2→2.00 =" in words(pilot)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConditionDialog))
        await pilot.pause()
        await pilot.press("ctrl+u", "end", *["backspace"] * 30, *"total > nothing", "enter")
        await until(pilot, lambda: '"nothing"' in words(pilot))
        await pilot.press(*["backspace"] * 7, *"990", "enter")
        await until(pilot, lambda: "2 of 201 rows." in words(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "row 1 of 2 · where total > 990" in words(pilot))
        await pilot.press("m")
        await until(pilot, lambda: "● 2 marked" in words(pilot))
        await pilot.press("x")
        await until(pilot, lambda: "of 201 · ● 2 marked" in words(pilot))
        await pilot.press("slash", *"1000", "enter")
        await until(pilot, lambda: "row 201 of 201" in words(pilot))
        await pilot.press("y")
        await pilot.pause()
        await pilot.press("end", "enter")
        await until(pilot, lambda: "Copied 2 rows as INSERT" in words(pilot))
        assert pilot.app.clipboard.splitlines() == [
            "INSERT INTO public.orders (id, status, total) OVERRIDING SYSTEM VALUE VALUES"
            f" ('{number}', 'open', '{number}');"
            for number in (995, 1000)
        ]
        assert isinstance(pilot.app.screen, RowsScreen)
        await pilot.press("escape")
        await settle(pilot)
        diff = pilot.app.screen
        assert isinstance(diff, DiffScreen)
        assert diff.marked == {("public", "orders"): 2}
        assert diff.comparison is not None
        marked = await diff.comparison.view("public", "orders", RowFilter(marked=True))
        assert [row.row.key["id"] for row in await marked.rows(0, 9)] == ["995", "1000"]
