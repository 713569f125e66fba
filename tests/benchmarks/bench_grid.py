"""The grid over a million differing rows: CPU to open, to jump and to page, and what it holds in memory.

.venv/bin/python -m tests.benchmarks.bench_grid

The rows are made as they are asked for, and the time that takes is left out: the figures are the grid's.
"""

import asyncio
import gc
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Sequence

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from warubi_tui.diff.model import RowDiff, ViewRow
from warubi_tui.widgets.grid.view import RowGrid

ROWS = 1_000_000
JUMPS = 60
WARM = 10
OPEN_SECONDS = 0.1
MOVE_SECONDS = 0.016
OPEN_BYTES = 5_000_000
SIZE = (140, 40)


class Synthetic:
    """A million rows of a table of `columns` columns; every third is changed, removed or added."""

    total = ROWS

    def __init__(self, columns: int) -> None:
        self._names = [f"column_{number}" for number in range(columns)]
        self.seconds = 0.0
        """CPU seconds that making rows took so far."""

    def _row(self, position: int) -> ViewRow:
        value = f"value {position}"
        now = {"id": str(position), **dict.fromkeys(self._names, value)}
        key = {"id": str(position)}
        if position % 3 == 0:
            return ViewRow(RowDiff("public", "big", "removed", key, now, None), position, False)
        if position % 3 == 1:
            return ViewRow(RowDiff("public", "big", "added", key, None, now), position, False)
        then = {**now, "column_1": "another value", "column_2": None}
        row = RowDiff("public", "big", "changed", key, then, now, ("column_1", "column_2"))
        return ViewRow(row, position, False)

    async def rows(self, start: int, stop: int) -> Sequence[ViewRow]:
        started = time.process_time()
        rows = [self._row(position) for position in range(start, min(stop, ROWS))]
        self.seconds += time.process_time() - started
        return rows


class Bench(App[None]):
    """The grid alone."""

    def compose(self) -> ComposeResult:
        yield RowGrid()


async def _settled(pilot: Pilot[None], grid: RowGrid) -> None:
    """Returns when the row under the cursor is there and drawn."""
    while grid.row_under_cursor is None:
        await pilot.pause()
    await pilot.pause()


async def _moves(
    pilot: Pilot[None], grid: RowGrid, source: Synthetic, positions: Sequence[int]
) -> list[float]:
    """CPU seconds of going to each position."""
    seconds = []
    for position in positions:
        started = time.process_time() - source.seconds
        grid.go_to_row(position)
        await _settled(pilot, grid)
        seconds.append(time.process_time() - source.seconds - started)
    return seconds


async def measure(columns: int) -> bool:
    """Prints the figures of one width; False where one is over its limit."""
    app = Bench()
    chance = random.Random(4)
    async with app.run_test(size=SIZE) as pilot:
        grid = app.query_one(RowGrid)
        await _settled_frame(pilot)
        started = time.process_time()
        grid.use_columns(("id",), {"column_1": 1, "column_2": 1})
        source = Synthetic(columns)
        grid.show_rows(source)
        await _settled(pilot, grid)
        opened = time.process_time() - started
        far = [chance.randrange(ROWS) for _ in range(WARM + JUMPS)]
        jumps = (await _moves(pilot, grid, source, far))[WARM:]
        pages = await _moves(pilot, grid, source, [500_000 + 36 * step for step in range(JUMPS)])
        lines = await _moves(pilot, grid, source, [500_000 + step for step in range(JUMPS)])
    opened_bytes, held_bytes = await _memory(columns, far)
    jump, page, line = (statistics.median(one) for one in (jumps, pages, lines))
    sys.stdout.write(
        f"{columns} columns: open {opened * 1000:.1f} ms (limit {OPEN_SECONDS * 1000:.0f}), "
        f"jump {jump * 1000:.1f} ms, page {page * 1000:.1f} ms (limit {MOVE_SECONDS * 1000:.0f}), "
        f"line {line * 1000:.1f} ms; slowest jump {max(jumps) * 1000:.1f} ms; "
        f"memory +{opened_bytes / 1e6:.1f} MB open (limit {OPEN_BYTES / 1e6:.0f}), "
        f"+{held_bytes / 1e6:.1f} MB after {len(far)} jumps\n"
    )
    return opened <= OPEN_SECONDS and max(jump, page) <= MOVE_SECONDS and opened_bytes <= OPEN_BYTES


async def _settled_frame(pilot: Pilot[None]) -> None:
    for _ in range(5):
        await pilot.pause()


async def _memory(columns: int, positions: Sequence[int]) -> tuple[int, int]:
    """Bytes that opening the rows adds, and what is held after jumps to all corners."""
    app = Bench()
    async with app.run_test(size=SIZE) as pilot:
        grid = app.query_one(RowGrid)
        await _settled_frame(pilot)
        gc.collect()
        tracemalloc.start()
        grid.use_columns(("id",), {"column_1": 1, "column_2": 1})
        source = Synthetic(columns)
        grid.show_rows(source)
        await _settled(pilot, grid)
        gc.collect()
        opened = tracemalloc.get_traced_memory()[0]
        await _moves(pilot, grid, source, positions)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    return opened, held


async def main() -> int:
    """Measures a narrow and a wide table; 1 where a figure is over its limit."""
    return 0 if all([await measure(columns) for columns in (8, 120)]) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
