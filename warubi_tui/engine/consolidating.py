"""Copies that take less room than the history that is kept for somebody alone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from warubi_tui.engine.building import Build, creating_row, forget_timeline
from warubi_tui.engine.failpoints import failpoint
from warubi_tui.engine.names import new_timeline
from warubi_tui.engine.retention import Need, Point, Since, keep
from warubi_tui.engine.snapshots import Snapshotting, find_snapshot
from warubi_tui.engine.store import BaseRow, BranchRow, SnapshotRow, TimelineRow, Value

_WORTH_IT: Final = 64 << 20
"""Bytes that a copy must save."""


class Consolidating(Snapshotting):
    """The verbs that make history of others superfluous."""

    def expensive_owners(self) -> list[str]:
        """Ids of snapshots and branches for which more is kept than a copy of their own would take."""
        with self.store.transaction() as tx:
            needs = dict(self.needs(tx))
        return [owner for owner, need in needs.items() if _is_expensive(need, _others(needs, owner))]

    def settle(self, owner: str) -> None:
        """Gives a snapshot or a branch a base of its own; what is superfluous then, `prune` removes.

        For a branch that may take until its base has become the oldest it needs.

        Raises:
            ApiError: 423 it is in use; 507.
            RecoveryFailedError, ClusterError, OSError: the copy could not be made.
        """
        with self.store.transaction() as tx:
            snapshot, branch = tx.one(SnapshotRow, id=owner), tx.one(BranchRow, id=owner)
        if snapshot is not None:
            with self.jobs.claim(exclusive=[owner]):
                self._copy_snapshot(owner)
        elif branch is not None:
            with self.jobs.claim(exclusive=[owner]), self.running(branch.timeline):
                self.bases.take_hot(branch.timeline)

    def _copy_snapshot(self, snapshot_id: str) -> None:
        target = self.affordable(self.snapshot_state(snapshot_id))
        build = Build(new_timeline(), target, {})
        with self.store.transaction() as tx:
            tx.insert(creating_row(build))
        failpoint("snapshot copy: planned")
        bases: list[BaseRow] = []
        try:
            made = self.timelines.materialize(
                build.timeline, target, lambda: bases.append(self.bases.take_hot(build.timeline))
            )
            self.timelines.keep_history_only(build.timeline)
        except BaseException:
            self.timelines.remove(build.timeline)
            with self.store.transaction() as tx:
                forget_timeline(tx, build.timeline)
            raise
        failpoint("snapshot copy: made")
        with self.store.transaction() as tx:
            own: dict[str, Value] = {"state": "history", "tli": made.tli, "parent": None, "fork_lsn": None}
            tx.update(TimelineRow, own, id=build.timeline)
            pin: dict[str, Value] = {"timeline": build.timeline, "pin_lsn": bases[0].end_lsn}
            tx.update(SnapshotRow, pin, id=snapshot_id)
            moment = find_snapshot(tx, snapshot_id).timestamp
            tx.update(BaseRow, {"taken_at": moment}, id=bases[0].id)
        failpoint("snapshot copy: recorded")


def _others(needs: Mapping[str, Need], owner: str) -> list[Need]:
    return [need for name, need in needs.items() if name != owner]


def _is_expensive(need: Need, others: Sequence[Need]) -> bool:
    """Whether a copy would save enough, were it the only need, and among the others too."""
    worth_it = _copy_size(need) + _WORTH_IT
    return _saved(need, []) > worth_it and _saved(need, others) > worth_it


def _saved(need: Need, others: Sequence[Need]) -> int:
    return keep([*others, need]).size() - keep([*others, *_with_own_base(need)]).size()


def _copy_size(need: Need) -> int:
    bases = [base for span in need.spans for base in span.bases]
    return max(base.size for base in bases)


def _with_own_base(need: Need) -> list[Need]:
    """The need as it would be if its owner had a copy: a branch still needs its own log."""
    if isinstance(need, Point):
        return []
    own = need.spans[0]
    if not isinstance(need, Since) or own.bases:
        return [need]
    copy = BaseRow("", own.timeline.id, own.low, 0, 0, own.low)
    return [Since([replace(own, bases=(copy,))], need.horizon)]
