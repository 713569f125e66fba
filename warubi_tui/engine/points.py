"""Which state of a branch is meant."""

from dataclasses import dataclass
from datetime import datetime

from warubi_tui.lsn import Lsn


@dataclass(frozen=True)
class Point:
    """A state of a branch: at a time, at an LSN, or its newest where neither is given."""

    branch_id: str
    at: datetime | None = None
    lsn: Lsn | None = None
