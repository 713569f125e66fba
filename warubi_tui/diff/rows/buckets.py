"""The rows of a table compared wherever they lie.

Both servers sort their rows into buckets, by the key or by the whole row, and reduce each to its sum. Where
sums differ, each row of the bucket is listed with its place and the hash of its contents; what differs then,
is fetched.
"""

import struct
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from itertools import groupby
from typing import Final

import psycopg
from psycopg import sql

from warubi_tui.diff.candidates import Beat
from warubi_tui.diff.pairing import Pairing
from warubi_tui.diff.rows import statements
from warubi_tui.diff.rows.choose import Plan
from warubi_tui.diff.rows.fetch import Fetcher
from warubi_tui.diff.rows.listings import leftover, unmatched
from warubi_tui.diff.rows.physical import Relation
from warubi_tui.diff.rows.source import answer, both, give_up
from warubi_tui.diff.rows.statements import ENTRY_BYTES, PLACE_BYTES, SUM_BYTES

_MOST_PLACES: Final = 2_000_000
"""Differing rows of a side whose places are remembered; of more, all rows of differing buckets are read."""

_SORTED: Final = 20_000
"""Places that are fetched in the order in which they lie."""

_PART_BYTES: Final = ENTRY_BYTES - PLACE_BYTES - 8
_PLACED_BYTES: Final = _PART_BYTES + PLACE_BYTES

Shelf = tuple[int, bytes]
"""Some buckets: their common number and an entry for each of their rows."""

_NUMBER_BYTES: Final = 4
"""Of a bucket's number."""


async def compare_buckets(then: Fetcher, now: Fetcher, pairing: Pairing, plan: Plan, beat: Beat) -> None:
    """Fetches the rows that may differ, of the relations that the plan compares together.

    Raises:
        NotComparedError, psycopg.Error: as `give_up`.
    """
    was, is_now = _Side(then, pairing, plan, plan.then), _Side(now, pairing, plan, plan.now)
    before, after = await both(then.source, was.sums(), now.source, is_now.sums())
    rows = _rows(before) + _rows(after)
    beat(rows // 2, rows, "rows")
    removed, added = unmatched(before, after, SUM_BYTES, head=_NUMBER_BYTES)
    differing = {int.from_bytes(entry[:_NUMBER_BYTES], "big") for entry in (*removed, *added)}
    if not differing:
        return
    buckets = None if len(differing) > statements.BUCKETS // 2 else sorted(differing)
    places = None
    if before and after and plan.by_place:
        places = await _differing_places(
            was, is_now, buckets, lambda shelf: beat(_listed(rows, shelf), rows, "rows")
        )
    if places is None:
        await both(then.source, was.fetch_buckets(buckets), now.source, is_now.fetch_buckets(buckets))
    else:
        await both(then.source, was.fetch_places(places[0]), now.source, is_now.fetch_places(places[1]))
    beat(rows, rows, "rows")


def _listed(rows: int, shelf: int) -> int:
    return rows // 2 + rows * shelf * statements.SHELF_BUCKETS // (2 * statements.BUCKETS)


def _rows(sums: bytes) -> int:
    counts = struct.iter_unpack(f"!{_NUMBER_BYTES}xq{SUM_BYTES - _NUMBER_BYTES - 8}x", sums)
    return sum(count for (count,) in counts)


async def _differing_places(
    was: "_Side", is_now: "_Side", buckets: Sequence[int] | None, beat: Callable[[int], None]
) -> tuple[bytearray, bytearray] | None:
    """The relation and place of each differing row, one after the other; None if they are too many.

    `beat` is told the shelf that is read.
    """
    found = bytearray(), bytearray()
    async with aclosing(was.entries(buckets)) as before, aclosing(is_now.entries(buckets)) as after:
        one, other = await both(was.fetcher.source, _next(before), is_now.fetcher.source, _next(after))
        while one is not None or other is not None:
            shelf = min(entry[0] for entry in (one, other) if entry is not None)
            beat(shelf)
            here = there = b""
            if one is not None and one[0] == shelf:
                here, one = one[1], await _next(before)
            if other is not None and other[0] == shelf:
                there, other = other[1], await _next(after)
            # Too many are read to the end all the same: what cuts them off would end the savepoint.
            if max(map(len, found)) <= _MOST_PLACES * _PLACED_BYTES:
                for places, left in zip(
                    found, leftover(_entries(here), _entries(there), _PLACED_BYTES), strict=True
                ):
                    places.extend(b"".join(left))
    return found if max(map(len, found)) <= _MOST_PLACES * _PLACED_BYTES else None


def _entries(listed: bytes) -> list[bytes]:
    return [entry for (entry,) in struct.iter_unpack(f"{ENTRY_BYTES}s", listed)]


async def _next(entries: AsyncGenerator[Shelf]) -> Shelf | None:
    return await anext(entries, None)


class _Side:
    """One side's rows of the relations that are compared together."""

    def __init__(self, fetcher: Fetcher, pairing: Pairing, plan: Plan, relations: Sequence[Relation]) -> None:
        self.fetcher = fetcher
        self._relations = relations
        self._by_place = plan.by_place
        self._by_key = plan.method == "key"
        self._pairing = pairing
        self._digest = statements.row_digest(pairing, fetcher.side)
        self._key_bucket = statements.key_bucket(fetcher.side) if self._by_key else None

    def _bucket(self, rows: sql.Identifier) -> sql.Composed:
        if self._by_key:
            return statements.key_bucket(self.fetcher.side, rows)
        return statements.row_bucket(statements.row_digest(self._pairing, self.fetcher.side, rows))

    async def sums(self) -> bytes:
        """What each bucket that has rows is reduced to."""
        rows = (
            statements.relation_values(self._relations, self._key_bucket, self._digest, None)
            if self._by_place
            else statements.table_values(self.fetcher.side, self._key_bucket, self._digest)
        )
        return await answer(self.fetcher.source, statements.bucket_sums(rows))

    async def entries(self, buckets: Sequence[int] | None) -> AsyncGenerator[Shelf]:
        """The shelves, ascending, with an entry for each row in these buckets."""
        rows = statements.relation_values(self._relations, self._key_bucket, self._digest, buckets)
        try:
            async with self.fetcher.source.connection.cursor().copy(statements.shelf_entries(rows)) as copy:
                copy.set_types(["int4", "bytea"])
                async for shelf, listed in copy.rows():
                    yield shelf, listed
        except psycopg.Error as error:
            give_up(self.fetcher.source, error)

    async def fetch_buckets(self, buckets: Sequence[int] | None) -> None:
        """Fetches every row of these buckets (None: all)."""
        bucket = self._bucket(statements.alias(self.fetcher.side))
        where = statements.in_buckets(bucket, buckets)
        if self._by_place:
            await self.fetcher.relations(self._relations, where)
        else:
            await self.fetcher.table(where)

    async def fetch_places(self, found: bytearray) -> None:
        """Fetches the rows at these places."""
        for start in range(0, len(found), _SORTED * _PLACED_BYTES):
            placed = [
                entry
                for (entry,) in struct.iter_unpack(
                    f"{_PLACED_BYTES}s", found[start : start + _SORTED * _PLACED_BYTES]
                )
            ]
            for part, places in groupby(sorted(placed), key=lambda entry: entry[:_PART_BYTES]):
                relation = self._relations[int.from_bytes(part, "big")]
                await self.fetcher.places(relation, [entry[_PART_BYTES:] for entry in places])
