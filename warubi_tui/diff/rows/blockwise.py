"""The same relation on two servers compared block by block.

Both servers reduce their blocks to marks; where marks differ, to an entry for each row; what differs then, is
fetched. Equal blocks send nothing but their mark.
"""

import struct
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from warubi_tui.diff.candidates import Beat
from warubi_tui.diff.pairing import Pairing
from warubi_tui.diff.rows import statements
from warubi_tui.diff.rows.choose import Twins
from warubi_tui.diff.rows.fetch import Fetcher, Waiting
from warubi_tui.diff.rows.horizon import Horizon
from warubi_tui.diff.rows.listings import leftover, unmatched
from warubi_tui.diff.rows.pace import Pace
from warubi_tui.diff.rows.source import answer, both
from warubi_tui.diff.rows.statements import CONTENT_BYTES, HEADER_BYTES, MARK_BYTES, PLACE_BYTES

_LISTED: Final = 256
"""Blocks whose rows are listed at once: their entries are in memory."""

_DIGESTED: Final = 10_000
"""Rows at named places whose contents are hashed at once."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one side is asked for."""

    mark: sql.Composable
    entry: sql.Composable
    digest: sql.Composable


async def compare_blocks(
    then: Fetcher, now: Fetcher, pairing: Pairing, pairs: Sequence[Twins], beat: Beat
) -> None:
    """Fetches the rows that may differ. Raises NotComparedError, psycopg.Error."""
    blocks = await _blocks(then, now, pairs)
    done, total = 0, sum(blocks)
    for pair, count in zip(pairs, blocks, strict=True):
        walk = _Walk(then, now, pairing, pair)
        for first, end in walk.pace.steps(count):
            await walk.step(first, end)
            done += end - first
            beat(done, total, "blocks")
        await walk.waiting.flush()


async def _blocks(then: Fetcher, now: Fetcher, pairs: Sequence[Twins]) -> list[int]:
    """How many blocks each pair has, on the side where there are more."""
    was, is_now = await both(
        then.source,
        answer(then.source, statements.sizes([pair.then for pair in pairs])),
        now.source,
        answer(now.source, statements.sizes([pair.now for pair in pairs])),
    )
    sizes = zip(struct.iter_unpack("!q", was), struct.iter_unpack("!q", is_now), strict=True)
    return [max(one, other) for (one,), (other,) in sizes]


class _Walk:
    """One relation on both sides, step by step."""

    def __init__(self, then: Fetcher, now: Fetcher, pairing: Pairing, pair: Twins) -> None:
        self.pace = Pace(single=pair.horizon is None)
        self.waiting = Waiting(then, now, pair.then, pair.now)
        self._then = then
        self._now = now
        self._pair = pair
        self._was = _reading(pairing, then, pair.horizon)
        self._is_now = _reading(pairing, now, pair.horizon)

    async def step(self, first: int, end: int) -> None:
        """Compares the blocks from `first` up to `end`."""
        started, width = time.monotonic(), self.pace.width
        was, is_now = await self._ask(
            statements.marks(self._pair.then, self._was.mark, first, end, width),
            statements.marks(self._pair.now, self._is_now.mark, first, end, width),
        )
        ranges = [(first + width * number, proven) for number, proven in _differing(was, is_now)]
        blocks = ranges if width == 1 else await self._blocks_in([start for start, _ in ranges], width)
        self.pace.learn(
            end - first, time.monotonic() - started, marks=len(was) // MARK_BYTES, differing=len(ranges)
        )
        for start in range(0, len(blocks), _LISTED):
            await self._list(blocks[start : start + _LISTED])

    async def _blocks_in(self, starts: Sequence[int], width: int) -> list[tuple[int, bool]]:
        if not starts:
            return []
        was, is_now = await self._ask(
            statements.block_marks(self._pair.then, self._was.mark, starts, width),
            statements.block_marks(self._pair.now, self._is_now.mark, starts, width),
        )
        return [
            (starts[number // width] + number % width, proven) for number, proven in _differing(was, is_now)
        ]

    async def _list(self, found: Sequence[tuple[int, bool]]) -> None:
        blocks = [block for block, _ in found]
        was, is_now = await self._ask(
            statements.listing(self._pair.then, self._was.entry, blocks),
            statements.listing(self._pair.now, self._is_now.entry, blocks),
        )
        horizon = self._pair.horizon
        if horizon is None:
            await self.waiting.add(*leftover(*unmatched(was, is_now, CONTENT_BYTES)))
            return
        only_then, only_now = unmatched(was, is_now, HEADER_BYTES)
        removed, added = _places(only_then), _places(only_now)
        if not all(proven for _, proven in found):
            reused = await self._reused(_suspects(was, set(only_then), horizon))
            removed += reused
            added += reused
        await self.waiting.add(removed, added)

    async def _reused(self, places: Sequence[bytes]) -> list[bytes]:
        """Those of these places, with a row of the same header on both sides, where the rows differ."""
        found: list[bytes] = []
        for start in range(0, len(places), _DIGESTED):
            batch = places[start : start + _DIGESTED]
            was, is_now = await self._ask(
                statements.digests_at(self._pair.then, self._was.digest, batch),
                statements.digests_at(self._pair.now, self._is_now.digest, batch),
            )
            digests = zip(batch, struct.iter_unpack("8s", was), struct.iter_unpack("8s", is_now), strict=True)
            found += [place for place, one, other in digests if one != other]
        return found

    async def _ask(self, then: sql.Composed, now: sql.Composed) -> tuple[bytes, bytes]:
        before, after = self._then.source, self._now.source
        return await both(before, answer(before, then), after, answer(after, now))


def _reading(pairing: Pairing, fetcher: Fetcher, horizon: Horizon | None) -> Reading:
    digest = statements.row_digest(pairing, fetcher.side)
    if horizon is None:
        return Reading(statements.content_mark(digest), statements.content(digest), digest)
    return Reading(statements.header_mark(horizon), statements.HEADER, digest)


def _differing(was: bytes, is_now: bytes) -> list[tuple[int, bool]]:
    """The numbers of the marks that do not prove their rows equal, and whether equal headers in them would.

    Headers prove nothing where both sides have rows of transactions that either may have assigned itself.
    """
    flag = MARK_BYTES - 1
    if was == is_now and not any(was[flag::MARK_BYTES]):
        return []
    found: list[tuple[int, bool]] = []
    for number in range(len(was) // MARK_BYTES):
        start = number * MARK_BYTES
        proven = not (was[start + flag] and is_now[start + flag])
        if not proven or was[start : start + flag] != is_now[start : start + flag]:
            found.append((number, proven))
    return found


def _suspects(listed: bytes, unmatched_entries: Collection[bytes], horizon: Horizon) -> list[bytes]:
    """The places, ascending, of the rows that are in both listings with a header that proves nothing."""
    return [
        entry[:PLACE_BYTES]
        for (entry,) in struct.iter_unpack(f"{HEADER_BYTES}s", listed)
        if horizon.is_suspect(int.from_bytes(entry[PLACE_BYTES:], "big")) and entry not in unmatched_entries
    ]


def _places(entries: Iterable[bytes]) -> list[bytes]:
    return [entry[:PLACE_BYTES] for entry in entries]
