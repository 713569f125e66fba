"""What history asks of the control plane; `NeonClient` has it all."""

from datetime import datetime
from typing import Protocol

from warubi_tui.lsn import Lsn
from warubi_tui.neon.models import Branch, Moment, Operation, Reach


class HistorySource(Protocol):
    """Reads about branches."""

    async def branches(self, project_id: str) -> list[Branch]:
        """Every branch of a project."""

    async def operations(self, project_id: str, limit: int = 100) -> list[Operation]:
        """The newest operations of a project."""

    async def window(self, project_id: str, branch_id: str) -> Reach | None:
        """How far back a branch can be restored; None where the server does not tell."""

    async def moment(
        self, project_id: str, branch_id: str, *, at: datetime | None = None, lsn: Lsn | None = None
    ) -> Moment | None:
        """Which commits a restore would include; None where the server does not tell."""
