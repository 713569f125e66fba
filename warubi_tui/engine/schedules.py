"""Snapshots that are taken by themselves, at hours of UTC."""

from collections.abc import Sequence
from dataclasses import replace

from warubi_tui.engine import clock
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.rules import Rule
from warubi_tui.engine.snapshots import Snapshotting, check_root, pinned
from warubi_tui.engine.state import find_branch
from warubi_tui.engine.store import BranchRow, ScheduleRow, SnapshotRow, Transaction
from warubi_tui.engine.targets import Target


class Scheduling(Snapshotting):
    """The verbs on backup schedules."""

    def schedule(self, branch_id: str) -> list[Rule]:
        """The rules of a branch. Raises ApiError 404."""
        with self.store.transaction() as tx:
            find_branch(tx, branch_id)
            return [_rule(row) for row in tx.all(ScheduleRow, branch=branch_id)]

    def set_schedule(self, branch_id: str, rules: Sequence[Rule]) -> None:
        """Replaces the rules; from now on they hold. Raises ApiError 404, 422 (not a root branch)."""
        seen = clock.now()
        with self.store.transaction() as tx:
            check_root(find_branch(tx, branch_id))
            tx.delete(ScheduleRow, branch=branch_id)
            for rule in rules:
                tx.insert(
                    ScheduleRow(
                        branch=branch_id,
                        frequency=rule.frequency,
                        hour=rule.hour,
                        day=rule.day,
                        month=rule.month,
                        retention_seconds=rule.retention_seconds,
                        seen=seen,
                    )
                )

    def due_snapshots(self) -> list[tuple[ScheduleRow, int]]:
        """The rules whose moment has come since they were seen to, with it (µs): of many missed the last."""
        now = clock.to_datetime(clock.now())
        present = {branch.id for branch in self.branches()}
        with self.store.transaction() as tx:
            rows = [row for row in tx.all(ScheduleRow) if row.branch in present]
        due = [(row, clock.to_microseconds(_rule(row).last_due(now))) for row in rows]
        return [(row, moment) for row, moment in due if moment > row.seen]

    def take_due_snapshot(self, row: ScheduleRow, moment: int) -> None:
        """Keeps the state of exactly that moment, or the present one where it cannot be had any more.

        Raises:
            ApiError: 423, or the history cannot be read; it stays due.
        """
        with self.jobs.claim(shared=[row.branch]):
            branch = self.branch(row.branch)
            target, timestamp = self._state_at(branch, moment)
            name = f"{branch.name} at {clock.to_datetime(timestamp):%Y-%m-%d %H:%M:%S} UTC ({row.frequency})"
            snapshot = replace(pinned(branch, target, name), timestamp=timestamp, manual=0)
            if row.retention_seconds is not None:
                expiry = snapshot.created_at + row.retention_seconds * 1_000_000
                snapshot = replace(snapshot, expires_at=expiry)
            with self.store.transaction() as tx:
                if tx.update(ScheduleRow, {"seen": moment}, **vars(row)):
                    tx.insert(_measured(tx, branch, snapshot))
                failpoint("schedule: written, not committed")

    def _state_at(self, branch: BranchRow, moment: int) -> tuple[Target, int]:
        try:
            return self.resolve(branch.id, at=clock.to_datetime(moment), lsn=None), moment
        except ApiError as error:
            if error.status != 422:
                raise
            return self.resolve(branch.id, at=None, lsn=None), clock.now()


def _rule(row: ScheduleRow) -> Rule:
    return Rule(row.frequency, row.hour, row.day, row.month, row.retention_seconds)


def _measured(tx: Transaction, branch: BranchRow, snapshot: SnapshotRow) -> SnapshotRow:
    """With its size: of the first scheduled one the whole, of a later one the log since the former."""
    former = [
        other.lsn
        for other in tx.all(SnapshotRow, source_branch=branch.id, manual=0)
        if other.lsn <= snapshot.lsn
    ]
    if former:
        return replace(snapshot, diff_size=snapshot.lsn - max(former))
    return replace(snapshot, full_size=branch.logical_size)
