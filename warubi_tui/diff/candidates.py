"""Rows that may differ, of both sides and in any order, sorted and merged into a table's differences."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final, Literal

from warubi_tui.diff.copytext import fields, unescape, value
from warubi_tui.diff.pairing import Pairing
from warubi_tui.diff.progress import SETTLING
from warubi_tui.diff.results import Kept, Results
from warubi_tui.diff.same_value import SameValue, same_value
from warubi_tui.diff.sorting import Sorter, Unsorted
from warubi_tui.diff.spool import Spool

Beat = Callable[[int, int, str], None]
"""Told what is done, of how many, and in which unit: `blocks` or `rows` of the scan, then `rows found`."""

_SLICE_ROWS: Final = 5000
_SLICE_BYTES: Final = 1 << 20
_PULSE_ROWS: Final = 2000


@dataclass(slots=True)
class Tally:
    """The differences of a table in numbers."""

    removed: int = 0
    added: int = 0
    changed: int = 0
    columns: Counter[str] = field(default_factory=Counter)
    """In how many changed rows each column changed."""
    same_value: int = 0
    """Changed rows in which nothing but the print of values changed: 1.0 and 1.00."""
    kept: int = 0

    @property
    def total(self) -> int:
        """The number of differing rows."""
        return self.removed + self.added + self.changed


class Candidates:
    """The candidates of one table. Takes little memory, however many they are."""

    def __init__(self, spool: Spool, number: int, pairing: Pairing, *, keep: int) -> None:
        """Those of the `number`th table of `spool`, which gets at most `keep` differing rows."""
        self.results = Results(spool, number, len(pairing.compared))
        self.tally = Tally()
        """Grows while `settle` works."""
        self._pairing = pairing
        self._width = pairing.width
        self._keep = keep
        self.pulse: Callable[[], None] = _nothing
        """Called every few thousand rows that are added."""
        self._sorter = Sorter()
        self._counts = {"then": 0, "now": 0}
        self._compared = range(len(pairing.compared))
        self._same = _comparers(pairing)
        self._out: list[Kept] = []

    @property
    def found(self) -> int:
        """How many rows differ, as far as it can be told before they are settled: an estimate."""
        return max(self._counts.values())

    @property
    def waiting(self) -> int:
        """How many rows of both sides were added."""
        return self._sorter.count

    def add(self, side: Literal["then", "now"], line: bytes, wanted: bool = True) -> None:
        """Takes a row that may differ.

        Args:
            line: a line of COPY: the row's identity (`pairing.width` fields), then `side.columns`.
            wanted: False if the row is not one that the user asked for; it counts only if its partner is.

        Raises:
            WarubiError: there is no room on disk.
        """
        self._counts[side] += 1
        width = self._width
        parts = line.rstrip(b"\n").split(b"\t", width)
        identity, rest = parts[:width], parts[width] if len(parts) > width else b""
        # NUL is in no text of PostgreSQL, and less than all that is: joined keys sort like their parts.
        key = b"\0".join(identity)
        if b"\\" in key:
            key = b"\0".join(map(unescape, identity))
        self._sorter.add(Unsorted(key, int(side == "now"), rest, wanted))
        if not self._sorter.count % _PULSE_ROWS:
            self.pulse()

    async def settle(self, beat: Beat) -> Tally:
        """Sorts and merges the candidates, counts and keeps what differs, and forgets them.

        Raises:
            WarubiError: there is no room on disk.
        """
        total = self._sorter.count
        if total:
            groups = self._groups()
            done = 0
            beat(done, total, SETTLING)
            while (step := await asyncio.to_thread(self._settle_some, groups)) is not None:
                done += step
                beat(done, total, SETTLING)
        self._sorter.close()
        self.tally.kept = self.results.kept
        return self.tally

    def forget(self) -> None:
        """Drops candidates and results: the table was not compared to the end. May be called twice."""
        self._sorter.close()
        self._out.clear()
        self.results.forget()
        self.tally = Tally()

    def _groups(self) -> "Iterator[list[_Run]]":
        group: list[_Run] = []
        for row in self._sorter.rows():
            if not group or row.key != group[0].row.key:
                if group:
                    yield group
                group = [_Run(row)]
            elif row == group[-1].row:
                group[-1].count += 1
            else:
                group.append(_Run(row))
        if group:
            yield group

    def _settle_some(self, groups: "Iterator[list[_Run]]") -> int | None:
        done = size = 0
        for group in groups:
            self._settle_group(group)
            for run in group:
                done += run.count
                size += len(run.row.line)
            if done >= _SLICE_ROWS or size >= _SLICE_BYTES:
                break
        for start in range(0, len(self._out), _SLICE_ROWS):
            self.results.append(self._out[start : start + _SLICE_ROWS])
        self._out.clear()
        return done or None

    def _settle_group(self, group: "list[_Run]") -> None:
        """Takes the rows of one identity: partners, then those left over on one side."""
        first, last = group[0], group[-1]
        if len(group) == 1:
            self._lonely(first.row, first.count)
            return
        if len(group) == 2 and first.count == last.count and first.row.side != last.row.side:
            self._partners(first.row, last.row, first.count)
            return
        was = deque((run.row, run.count) for run in group if not run.row.side)
        is_now = deque((run.row, run.count) for run in group if run.row.side)
        while was and is_now:
            (before, many), (after, as_many) = was.popleft(), is_now.popleft()
            pairs = min(many, as_many)
            self._partners(before, after, pairs)
            if many > pairs:
                was.appendleft((before, many - pairs))
            if as_many > pairs:
                is_now.appendleft((after, as_many - pairs))
        for row, count in (*was, *is_now):
            self._lonely(row, count)

    def _partners(self, before: Unsorted, after: Unsorted, pairs: int) -> None:
        if before.line != after.line and (before.wanted or after.wanted):
            for _ in range(pairs):
                self._change(before.line, after.line)

    def _lonely(self, row: Unsorted, count: int) -> None:
        if not row.wanted:
            return
        if row.side:
            self.tally.added += count
            self._keep_row(Kept("added", (), None, row.line), count)
        else:
            self.tally.removed += count
            self._keep_row(Kept("removed", (), row.line, None), count)

    def _change(self, then: bytes, now: bytes) -> None:
        before, after = fields(then), fields(now)
        changed = tuple([n for n in self._compared if before[n] != after[n]])
        if not changed:
            return
        self.tally.changed += 1
        same = True
        for place in changed:
            self.tally.columns[self._pairing.compared[place]] += 1
            same = same and self._is_same(place, before[place], after[place])
        self.tally.same_value += same
        self._keep_row(Kept("changed", changed, then, now))

    def _is_same(self, place: int, before: bytes, after: bytes) -> bool:
        same = self._same[place]
        if same is None:
            return False
        was, is_now = value(before), value(after)
        return was is not None and is_now is not None and same(was, is_now)

    def _keep_row(self, row: Kept, count: int = 1) -> None:
        room = self._keep - self.results.kept - len(self._out)
        self._out.extend(repeat(row, min(count, room)))


@dataclass(slots=True)
class _Run:
    """Equal rows of one side, one after the other."""

    row: Unsorted
    count: int = 1


def _comparers(pairing: Pairing) -> list[SameValue | None]:
    if pairing.then is None or pairing.now is None:
        return [None] * len(pairing.compared)
    both = zip(pairing.then.columns, pairing.now.columns, strict=False)
    return [
        same_value(was.base, is_now.base) for (was, is_now), _ in zip(both, pairing.compared, strict=False)
    ]


def _nothing() -> None:
    """What is called where nobody wants to be."""
