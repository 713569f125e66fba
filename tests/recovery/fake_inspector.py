"""An `Inspector` that finds what a test tells it to find."""

from dataclasses import dataclass, field
from datetime import datetime

from tests.recovery.fake_neon import NOW
from warubi_tui.errors import WarubiError
from warubi_tui.neon.models import Branch
from warubi_tui.recovery.check import Check, CheckState
from warubi_tui.recovery.inspector import Comparison, Report, TableDifference, TableProof

LOST = Comparison((TableDifference("shop", "public.orders", 40, 3, 2),), ())


@dataclass
class FakeInspector:
    """`asked` is every question, with the ids of the branches it was about."""

    comparison: Comparison = LOST
    proofs: list[TableProof] = field(default_factory=lambda: [TableProof("shop", "public.orders", True, 120)])
    at_restore: list[TableProof] | WarubiError = field(default_factory=list)
    """What is found when the branch is looked at as it was when its restore ended."""
    rows: CheckState = "pass"
    unreachable: bool = False
    asked: list[str] = field(default_factory=list)

    async def reach(self, project_id: str, branch: Branch) -> Check:
        self.asked.append(f"reach {branch.id}")
        if self.unreachable:
            raise WarubiError("Cannot connect to database shop")
        return Check("Connection", "pass", "connected", NOW)

    async def integrity(self, project_id: str, branch: Branch, report: Report) -> list[Check]:
        self.asked.append(f"integrity {branch.id}")
        report("reading table 1 of 1")
        return [Check("Rows of shop", self.rows, "120 rows", NOW)]

    async def compare(self, project_id: str, then: Branch, now: Branch, report: Report) -> Comparison:
        self.asked.append(f"compare {then.id} {now.id}")
        report("comparing table 1 of 1")
        return self.comparison

    async def prove(
        self, project_id: str, left: Branch, right: Branch, report: Report, at: datetime | None = None
    ) -> list[TableProof]:
        self.asked.append(f"prove {left.id} {right.id}{'' if at is None else f' at {at.isoformat()}'}")
        if at is None:
            return self.proofs
        if isinstance(self.at_restore, WarubiError):
            raise self.at_restore
        return self.at_restore
