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

from warubi_tui.diff import values
from warubi_tui.diff.candidates import Beat
from warubi_tui.diff.pairing import Pairing
from warubi_tui.diff.rows import statements
from warubi_tui.diff.rows.choose import Plan
from warubi_tui.diff.rows.fetch import Fetcher
from warubi_tui.diff.rows.listings import leftover
from warubi_tui.diff.rows.physical import Relation
from warubi_tui.diff.rows.source import answer, both, give_up
from warubi_tui.diff.rows.statements import ENTRY_BYTES, PLACE_BYTES, SUM_BYTES

_MOST_PLACES: Final = 2_000_000
"""Differing rows of a side whose places are remembered; of more, all rows of differing buckets are read."""

_SORTED: Final = 20_000
"""Places that are fetched in the order in which they lie."""

_PART_BYTES: Final = ENTRY_BYTES - PLACE_BYTES - 8
_PLACED_BYTES: Final = _PART_BYTES + PLACE_BYTES

Bucket = tuple[int, bytes]
"""Its number and an entry for each of its rows."""

Sums = dict[int, bytes]
"""What a bucket's rows are reduced to."""


async def compare_buckets(then: Fetcher, now: Fetcher, pairing: Pairing, plan: Plan, beat: Beat) -> None:
    """Fetches the rows that may differ, of the relations that the plan compares together.

    Raises:
        NotComparedError, psycopg.Error: as `give_up`.
    """
    was, is_now = _Side(then, pairing, plan, plan.then), _Side(now, pairing, plan, plan.now)
    before, after = await both(then.source, was.sums(), now.source, is_now.sums())
    rows = _rows(before) + _rows(after)
    beat(rows // 2, rows, "rows")
    differing = [bucket for bucket in before.keys() | after.keys() if before.get(bucket) != after.get(bucket)]
    if not differing:
        return
    buckets = None if len(differing) > statements.BUCKETS // 2 else sorted(differing)
    places = None
    if before and after and plan.by_place:
        places = await _differing_places(
            was, is_now, buckets, lambda bucket: beat(_listed(rows, bucket), rows, "rows")
        )
    if places is None:
        await both(then.source, was.fetch_buckets(buckets), now.source, is_now.fetch_buckets(buckets))
    else:
        await both(then.source, was.fetch_places(places[0]), now.source, is_now.fetch_places(places[1]))
    beat(rows, rows, "rows")


def _listed(rows: int, bucket: int) -> int:
    return rows // 2 + rows * bucket // (2 * statements.BUCKETS)


def _rows(sums: Sums) -> int:
    return sum(int.from_bytes(about[:8], "big") for about in sums.values())


async def _differing_places(
    was: "_Side", is_now: "_Side", buckets: Sequence[int] | None, beat: Callable[[int], None]
) -> tuple[bytearray, bytearray] | None:
    """The relation and place of each differing row, one after the other; None if they are too many.

    `beat` is told the bucket that is read.
    """
    found = bytearray(), bytearray()
    async with aclosing(was.entries(buckets)) as before, aclosing(is_now.entries(buckets)) as after:
        one, other = await both(was.fetcher.source, _next(before), is_now.fetcher.source, _next(after))
        while one is not None or other is not None:
            bucket = min(entry[0] for entry in (one, other) if entry is not None)
            beat(bucket)
            here = there = b""
            if one is not None and one[0] == bucket:
                here, one = one[1], await _next(before)
            if other is not None and other[0] == bucket:
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


async def _next(entries: AsyncGenerator[Bucket]) -> Bucket | None:
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
        self._bucket = self._in_bucket(values.ROWS)

    def _in_bucket(self, rows: sql.Identifier) -> sql.Composed:
        if self._by_key:
            return statements.key_bucket(self.fetcher.side, rows)
        return statements.row_bucket(statements.row_digest(self._pairing, self.fetcher.side, rows))

    async def sums(self) -> Sums:
        """What each bucket that has rows is reduced to."""
        rows = (
            statements.relation_values(self._relations, self._bucket, self._digest, None)
            if self._by_place
            else statements.table_values(self.fetcher.side, self._bucket, self._digest)
        )
        found = await answer(self.fetcher.source, statements.bucket_sums(rows))
        return dict(struct.iter_unpack(f"!i{SUM_BYTES - 4}s", found))

    async def entries(self, buckets: Sequence[int] | None) -> AsyncGenerator[Bucket]:
        """The buckets, ascending, with an entry for each of their rows."""
        rows = statements.relation_values(self._relations, self._bucket, self._digest, buckets)
        try:
            async with self.fetcher.source.connection.cursor().copy(statements.bucket_entries(rows)) as copy:
                copy.set_types(["int4", "bytea"])
                async for bucket, listed in copy.rows():
                    yield bucket, listed
        except psycopg.Error as error:
            give_up(self.fetcher.source, error)

    async def fetch_buckets(self, buckets: Sequence[int] | None) -> None:
        """Fetches every row of these buckets (None: all)."""
        named = self._in_bucket(statements.alias(self.fetcher.side))
        where = statements.in_buckets(named, buckets)
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
