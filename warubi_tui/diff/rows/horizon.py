"""The first transaction that may mean different things on both sides (design/row-diff.md 3 and 4.2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.rows.physical import XID_SPAN, Physical

HALF_SPAN: Final = XID_SPAN // 2
"""Transaction ids of 32 bits are ordered only within so many."""

_MARGIN: Final = 1 << 20
"""For the transactions that begin while the comparison runs: ages are counted from the newest one."""

_ROUNDING: Final = 1024
"""Neon's storage rounds the next id up to a multiple of this (`XID_CHECKPOINT_INTERVAL`, pageserver)."""

_LEAST_WAL_PER_XID: Final = 4
"""Bytes: a subtransaction's id in the commit record of the transaction above it."""

_LEAST_WAL_PER_ROUNDING: Final = 32
"""Bytes, for each time that an id is rounded up: a record of commit or abort is longer (access/xact.h)."""

_PAGE_HEADER: Final = 40
"""Bytes: a position at the start of a page of WAL may be told with or without its header."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """A transaction id (64 bit): neither side assigned a lower one to itself after the histories parted."""

    xid: int

    @property
    def raw(self) -> int:
        """As the headers of rows hold it (32 bit)."""
        return self.xid % XID_SPAN

    def is_suspect(self, raw: int) -> bool:
        """Whether rows of the transaction with this id (32 bit) may be two different ones on both sides."""
        return (raw - self.xid) % XID_SPAN < HALF_SPAN


def find_horizon(then: Physical, now: Physical, lineage: Lineage | None) -> Horizon | str:
    """The best horizon there is proof of; in words why there is none."""
    if lineage is None:
        return "it is not known where the two histories part"
    bounds = list(_bounds(then, now, lineage))
    if not bounds:
        return "it is not known which transactions are older than the branch point"
    xid = max(bounds)
    if xid < 3:
        return "it is not known which transactions are older than the branch point"
    if max(then.snapshot_end, now.snapshot_end) - xid >= HALF_SPAN - _MARGIN:
        return "there were more than two billion transactions since the branch point"
    return Horizon(xid)


def _bounds(then: Physical, now: Physical, lineage: Lineage) -> Iterator[int]:
    if lineage.next_xid is not None:
        yield lineage.next_xid
    if lineage.then_frozen and then.in_recovery:
        yield then.snapshot_end
    for side in (then, now):
        if side.checkpoint is not None:
            redo, own, next_xid = side.checkpoint
            if redo >= lineage.fork_lsn:
                yield next_xid - _most_assigned(lineage.fork_lsn, redo, own, neon=side.neon)


def _most_assigned(fork: int, redo: int, own: int, *, neon: bool) -> int:
    """How many ids can have been assigned between the fork and a checkpoint, by the WAL between them."""
    if redo == own and redo - fork <= _PAGE_HEADER:
        return 0
    written = own - fork
    assigned = -(-written // _LEAST_WAL_PER_XID) + _ROUNDING
    return assigned + (written // _LEAST_WAL_PER_ROUNDING + 1) * _ROUNDING if neon else assigned
