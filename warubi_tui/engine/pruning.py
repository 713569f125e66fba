"""Letting go of history that nobody can ask for any more: bases and log together, rows first, files after."""

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from warubi_tui.engine import clock
from warubi_tui.engine.building import Building, is_needed
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.lineage import trace
from warubi_tui.engine.retention import FOREVER, Everything, Kept, Need, Point, Since, Stretch, keep
from warubi_tui.engine.store import (
    BaseRow,
    BranchRow,
    GapRow,
    ProjectRow,
    SnapshotRow,
    TimelineRow,
    Transaction,
)
from warubi_tui.engine.wal import segment_range

_OLD_TAIL: Final = re.compile(r"[0-9A-F]{24}\.partial")


class Pruning(Building):
    """The verb that makes the disk shrink."""

    def prune(self) -> None:
        """Removes the bases and the log that no window, snapshot, fork or reader needs.

        What it was interrupted in, it finishes the next time. It may run beside everything else: whatever
        is claimed or held stays, and whoever comes later sees only what stays.
        """
        with self.tidying:
            with self.store.transaction() as tx:
                kept = keep(need for _, need in self.needs(tx))
                bases = _forget_bases(tx, kept)
                gaps = _record_gaps(tx, kept)
                doomed = _mark_unneeded(tx, kept)
                failpoint("prune: written, not committed")
            failpoint("prune: recorded")
            for base in bases:
                shutil.rmtree(self.site.bases(base.timeline) / base.id, ignore_errors=True)
            failpoint("prune: bases removed")
            for timeline, stretches in gaps.items():
                remove_segments(self.site.wal(timeline), stretches)
            failpoint("prune: log removed")
            for timeline in doomed:
                commit = self.discard(timeline)
                with self.store.transaction() as tx:
                    commit(tx)

    def needs(self, tx: Transaction) -> Iterator[tuple[str, Need]]:
        """Who needs which history now, branches and snapshots by their ids.

        What is claimed or held is being read. So is everything that a timeline is being made from.
        """
        project = tx.one(ProjectRow)
        assert project is not None
        horizon = clock.now() - project.history_retention_seconds * 1_000_000
        busy, held = self.jobs.busy(), self.pins.held()
        ready = {row.id for row in tx.all(TimelineRow, state="ready")}
        for branch in tx.all(BranchRow):
            if branch.timeline in ready:
                spans = trace(tx, branch.timeline, FOREVER)
                read = branch.id in busy or branch.timeline in held
                yield branch.id, Everything(spans) if read else Since(spans, horizon)
        for snapshot in tx.all(SnapshotRow):
            spans = trace(tx, snapshot.timeline, snapshot.pin_lsn)
            yield snapshot.id, Everything(spans) if snapshot.id in busy else Point(spans)


def _settled(tx: Transaction) -> list[TimelineRow]:
    """The timelines that nobody makes or removes just now."""
    return [row for row in tx.all(TimelineRow) if row.state in ("ready", "history")]


def _forget_bases(tx: Transaction, kept: Kept) -> list[BaseRow]:
    settled = {row.id for row in _settled(tx)}
    gone = [base for base in tx.all(BaseRow) if base.timeline in settled and base.id not in kept.bases]
    for base in gone:
        tx.delete(BaseRow, id=base.id)
    return gone


def _record_gaps(tx: Transaction, kept: Kept) -> dict[str, list[Stretch]]:
    """Writes down which parts of logs are gone; a timeline that needs nothing from its parent leaves it."""
    found = {}
    for row in _settled(tx):
        start = row.fork_lsn or 0
        gaps = kept.gaps(row.id, start)
        found[row.id] = gaps
        tx.delete(GapRow, timeline=row.id)
        for low, high in gaps:
            tx.insert(GapRow(row.id, low, high))
        if row.parent is not None and gaps and gaps[0][0] == start:
            tx.update(TimelineRow, {"parent": None}, id=row.id)
    return found


def _mark_unneeded(tx: Transaction, kept: Kept) -> list[str]:
    doomed = [
        row.id
        for row in _settled(tx)
        if row.state == "history" and row.id not in kept.stretches and not is_needed(tx, row.id)
    ]
    for timeline in doomed:
        tx.update(TimelineRow, {"state": "deleting"}, id=timeline)
    return doomed


def remove_segments(archive: Path, gaps: Sequence[Stretch]) -> None:
    """Removes the segments that lie wholly in gaps.

    The unfinished last segment that a timeline copies of its parent's (`.partial`) goes too: the parent's own
    is what recovery reads.
    """
    for file in archive.iterdir():
        if _OLD_TAIL.fullmatch(file.name) or _lies_in(file.name, gaps):
            file.unlink(missing_ok=True)


def _lies_in(name: str, gaps: Iterable[Stretch]) -> bool:
    stretch = segment_range(name)
    return stretch is not None and any(low <= stretch[0] and stretch[1] <= high for low, high in gaps)
