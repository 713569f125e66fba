"""A control plane that only knows history."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.neon.wire import NOW, branch_json, project_json
from warubi_tui.lsn import Lsn
from warubi_tui.neon.models import Branch, Moment, Operation, Project, Reach

PROJECT = Project.from_json(project_json())
MAIN = Branch.from_json(branch_json())
REACH = Reach(NOW - timedelta(hours=2), NOW, Lsn(0x100), Lsn(0x900))


@dataclass
class Past:
    """Answers what it was given; remembers which moments were asked for."""

    reach: Reach | None = None
    known: Moment | None = None
    all_branches: list[Branch] = field(default_factory=lambda: [MAIN])
    all_operations: list[Operation] = field(default_factory=list)
    asked: list[datetime | Lsn | None] = field(default_factory=list)

    async def branches(self, project_id: str) -> list[Branch]:
        return self.all_branches

    async def operations(self, project_id: str, limit: int = 100) -> list[Operation]:
        return self.all_operations

    async def window(self, project_id: str, branch_id: str) -> Reach | None:
        return self.reach

    async def moment(
        self, project_id: str, branch_id: str, *, at: datetime | None = None, lsn: Lsn | None = None
    ) -> Moment | None:
        self.asked.append(at if lsn is None else lsn)
        return self.known
