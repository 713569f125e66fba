"""The differing rows of one table, and the whole of the one under the cursor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import getters, on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from warubi_tui.screens.console import ConsoleScreen
from warubi_tui.text import clean
from warubi_tui.widgets.cells import value_text
from warubi_tui.widgets.row_grid import MARKS, RowGrid

if TYPE_CHECKING:
    from warubi_tui.diff.model import Op, RowDiff, TableDiff
    from warubi_tui.screens.services import Comparison


class RowsScreen(ConsoleScreen):
    """A grid of rows over a pane that shows every value of one row in full."""

    CSS_PATH = "diff.tcss"
    TITLE_WORDS = "Diff: rows"
    ABOUT = (
        "Each line is one row that differs: - removed, + added, ~ changed. Changed cells are underlined "
        "and read then→now. NULL is written bare; an empty text is '' and a text that reads NULL is 'NULL'."
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f", "only", "Only…", id="rows.only", tooltip="All rows, only removed, only added, only changed"
        ),
        Binding("escape,b", "back", "Tables", id="rows.back", tooltip="Back to the tables"),
    ]

    grid = getters.query_one(RowGrid)
    state = getters.query_one("#rows-state", Static)
    detail = getters.query_one("#row-detail", Static)

    def __init__(self, comparison: Comparison, table: TableDiff, then: str, now: str) -> None:
        """
        Args:
            comparison: delivers the rows.
            then, now: what the two sides are called.
        """
        super().__init__()
        self._comparison = comparison
        self._table = table
        self._then, self._now = then, now
        self._only: Op | None = None

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="rows-state")
        yield RowGrid()
        with VerticalScroll(id="row-pane", can_focus=False):
            yield Static(id="row-detail")

    def on_mount(self) -> None:
        self.subject = self._now
        self.grid.focus()
        self.load()

    def load(self) -> None:
        table, only = self._table, self._only

        async def fetch(start: int, stop: int) -> Sequence[RowDiff]:
            return await self._comparison.rows(
                table.schema, table.table, offset=start, limit=stop - start, op=only
            )

        counts = {"removed": table.removed, "added": table.added, "changed": table.changed}
        total = min(table.kept, counts[only] if only else table.total)
        self.grid.show_rows(total, table.key, fetch)
        words = f" · {table.removed:,} removed, {table.added:,} added, {table.changed:,} changed"
        if only:
            words += f" · showing only {only}"
        if table.partial:
            words += f" · only {table.kept:,} rows were kept for reading"
        name = clean(f"{table.schema}.{table.table}")
        self.state.update(Content.assemble((name, "bold"), words))

    @on(RowGrid.RowChosen)
    def _row_chosen(self, event: RowGrid.RowChosen) -> None:
        if event.row is None:
            self.detail.update("No such rows." if not self.grid.total else "…")
        else:
            self.detail.update(row_content(event.row, self._then, self._now))

    @on(RowGrid.Failed)
    def _rows_failed(self, event: RowGrid.Failed) -> None:
        self.fail(event.error, self.load)

    def action_only(self) -> None:
        """Goes on to the next kind of difference that this table has."""
        table = self._table
        kinds: list[Op | None] = [None]
        kinds += ["removed"] if table.removed else []
        kinds += ["added"] if table.added else []
        kinds += ["changed"] if table.changed else []
        self._only = kinds[(kinds.index(self._only) + 1) % len(kinds)]
        self.load()


def row_content(row: RowDiff, then: str, now: str) -> Content:
    """Every column of a row: unchanged ones once, changed ones with both values under each other."""
    key = ", ".join(f"{clean(name)} = {value_text(value)}" for name, value in row.key.items())
    sides = {"removed": f"only in {then}", "added": f"only in {now}", "changed": f"- {then}, + {now}"}
    title = f"{MARKS[row.op]} {row.op} {key}".rstrip()
    lines = [Content.assemble((title, "bold"), f"   ({clean(sides[row.op])})")]
    names = list(dict.fromkeys([*(row.then or {}), *(row.now or {})]))
    width = min(max((len(clean(name)) for name in names), default=0), 24)
    for name in sorted(names, key=lambda name: name not in row.columns):
        lines += _column_lines(row, name, width)
    return Content("\n").join(lines)


def _column_lines(row: RowDiff, name: str, width: int) -> list[Content]:
    label = f"{clean(name):<{width}}  "
    values = [side[name] if side is not None and name in side else _ABSENT for side in (row.then, row.now)]
    if name in row.columns:
        return [
            Content.assemble((f"- {label}", "dim"), _value(values[0], "bold")),
            Content.assemble((f"+ {label}", "dim"), _value(values[1], "bold underline")),
        ]
    value = values[0] if row.op == "removed" or values[1] is _ABSENT else values[1]
    return [Content.assemble((f"  {label}", "dim"), _value(value, ""))]


class _Absent:
    """Stands for a column that this side does not have."""


_ABSENT = _Absent()


def _value(value: str | _Absent | None, style: str) -> Content:
    if isinstance(value, _Absent):
        return Content.styled("(no such column)", "dim")
    return Content.styled(value_text(value), f"{style} italic".strip() if value is None else style)
