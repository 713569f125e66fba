"""Rows that may differ, of both sides and in any order, sorted and merged into a table's differences."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final, Literal

from warubi_tui.diff.copytext import fields, unescape, value
from warubi_tui.diff.pairing import Pairing
from warubi_tui.diff.results import Kept, Results
from warubi_tui.diff.same_value import SameValue, same_value
from warubi_tui.diff.sorting import Sorter, Unsorted
from warubi_tui.diff.spool import Spool

Beat = Callable[[int, int, str], None]
"""Told what is done, of how many, and in which unit: `blocks` or `rows`."""

_SLICE_ROWS: Final = 5000
_SLICE_BYTES: Final = 1 << 20


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
        self._keep = keep
        self._sorter = Sorter()
        self._counts = {"then": 0, "now": 0}
        self._same = _comparers(pairing)
        self._out: list[Kept] = []

    @property
    def found(self) -> int:
        """How many rows differ, as far as it can be told before they are settled: an estimate."""
        return max(self._counts.values())

    def add(self, side: Literal["then", "now"], line: bytes, wanted: bool = True) -> None:
        """Takes a row that may differ.

        Args:
            line: a line of COPY: the row's identity (`pairing.width` fields), then `side.columns`.
            wanted: False if the row is not one that the user asked for; it counts only if its partner is.

        Raises:
            WarubiError: there is no room on disk.
        """
        self._counts[side] += 1
        parts = line.rstrip(b"\n").split(b"\t", self._pairing.width)
        identity, rest = parts[: self._pairing.width], b"".join(parts[self._pairing.width :])
        # NUL is in no text of PostgreSQL, and less than all that is: joined keys sort like their parts.
        key = b"\0".join(identity)
        if b"\\" in key:
            key = b"\0".join(map(unescape, identity))
        self._sorter.add(Unsorted(key, int(side == "now"), rest, wanted))

    async def settle(self, beat: Beat) -> Tally:
        """Sorts and merges the candidates, counts and keeps what differs, and forgets them.

        Raises:
            WarubiError: there is no room on disk.
        """
        total = self._sorter.count
        if total:
            groups = self._groups()
            done = 0
            while (step := await asyncio.to_thread(self._settle_some, groups)) is not None:
                done += step
                beat(done, total, "rows")
        self._sorter.close()
        self.tally.kept = self.results.kept
        return self.tally

    def forget(self) -> None:
        """Drops candidates and results: the table could not be compared. May be called twice."""
        self._sorter.close()
        self._out.clear()
        self.results.forget()
        self.tally = Tally()

    def _groups(self) -> Iterator[list[Unsorted]]:
        for _, group in groupby(self._sorter.rows(), key=attrgetter("key")):
            yield list(group)

    def _settle_some(self, groups: Iterator[list[Unsorted]]) -> int | None:
        done = size = 0
        for group in groups:
            self._settle_group(group)
            done += len(group)
            size += sum(len(row.line) for row in group)
            if done >= _SLICE_ROWS or size >= _SLICE_BYTES:
                break
        if self._out:
            self.results.append(self._out)
            self._out.clear()
        return done or None

    def _settle_group(self, group: list[Unsorted]) -> None:
        was = [row for row in group if not row.side]
        is_now = [row for row in group if row.side]
        pairs = min(len(was), len(is_now))
        for one, other in zip(was, is_now, strict=False):
            if one.line != other.line and (one.wanted or other.wanted):
                self._change(one.line, other.line)
        for row in was[pairs:]:
            if row.wanted:
                self.tally.removed += 1
                self._keep_row(Kept("removed", (), row.line, None))
        for row in is_now[pairs:]:
            if row.wanted:
                self.tally.added += 1
                self._keep_row(Kept("added", (), None, row.line))

    def _change(self, then: bytes, now: bytes) -> None:
        compared = self._pairing.compared
        before, after = fields(then), fields(now)
        changed = tuple(n for n in range(len(compared)) if before[n] != after[n])
        if not changed:
            return
        self.tally.changed += 1
        self.tally.columns.update([compared[place] for place in changed])
        self.tally.same_value += all(self._is_same(place, before, after) for place in changed)
        self._keep_row(Kept("changed", changed, then, now))

    def _is_same(self, place: int, before: list[bytes], after: list[bytes]) -> bool:
        same = self._same[place]
        if same is None:
            return False
        was, is_now = value(before[place]), value(after[place])
        return was is not None and is_now is not None and same(was, is_now)

    def _keep_row(self, row: Kept) -> None:
        if self.results.kept + len(self._out) < self._keep:
            self._out.append(row)


def _comparers(pairing: Pairing) -> list[SameValue | None]:
    if pairing.then is None or pairing.now is None:
        return [None] * len(pairing.compared)
    both = zip(pairing.then.columns, pairing.now.columns, strict=False)
    return [
        same_value(was.base, is_now.base) for (was, is_now), _ in zip(both, pairing.compared, strict=False)
    ]
