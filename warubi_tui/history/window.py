"""The history window: from when to when a branch can be restored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from warubi_tui.history.source import HistorySource
from warubi_tui.lsn import Lsn
from warubi_tui.neon.models import Branch, Project


@dataclass(frozen=True)
class Window:
    """The restorable past of a branch. Both ends are included."""

    start: datetime
    end: datetime
    start_lsn: Lsn | None
    end_lsn: Lsn | None
    source: Literal["server", "computed"]
    """Who says so. A computed window is an upper bound: a plan may keep less than the project asks for."""

    @property
    def empty(self) -> bool:
        """Whether nothing but the present is left."""
        return self.start >= self.end


async def history_window(source: HistorySource, project: Project, branch: Branch, now: datetime) -> Window:
    """The window of a branch.

    The engine tells it. Neon does not, so there it is computed: what the project retains, but not before
    the branch began or was last overwritten by a restore (what was before lies in its parent, or in the
    branch that kept the old state).
    """
    reach = await source.window(project.id, branch.id)
    if reach is not None:
        return Window(reach.start, reach.end, reach.start_lsn, reach.end_lsn, "server")
    began = branch.last_reset_at or branch.created_at
    return Window(min(max(now - project.history_retention, began), now), now, None, None, "computed")
