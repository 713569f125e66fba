"""What a recovery looks at inside the branches; `inspection.BranchInspector` does it over PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from warubi_tui.neon.models import Branch
    from warubi_tui.recovery.check import Check

Report = Callable[[str], None]
"""Told in words what is going on; called from the event loop."""


@dataclass(frozen=True)
class TableDifference:
    """How the rows of one table differ between then and now."""

    database: str
    table: str
    """Schema-qualified, as the database names it: foreign text."""
    removed: int
    """Rows that were there then and are not there now."""
    added: int
    changed: int
    not_compared: str | None = None
    """Why nothing can be said about this table; None when it was compared."""


@dataclass(frozen=True)
class Comparison:
    """Every database of a branch, then and now."""

    tables: tuple[TableDifference, ...]
    schema_changes: tuple[str, ...]
    """In words: foreign text."""
    left_out: tuple[str, ...] = ()
    """What was not compared besides whole tables: columns, kinds of objects. In words: foreign text."""


@dataclass(frozen=True)
class TableProof:
    """Whether one table has the same rows on two branches."""

    database: str
    table: str
    equal: bool | None
    """None when it could not be found out."""
    rows: int | None
    """On the first branch."""
    reason: str = ""


class Readable(Protocol):
    """Opens a branch for reading: itself, or a temporary one with its data that is deleted afterwards."""

    def __call__(
        self, branch: Branch, at: datetime | None, notice: Report
    ) -> AbstractAsyncContextManager[Branch]:
        """`branch` as it was at `at`, aware UTC; None is its head. Raises WarubiError."""
        ...


class Inspector(Protocol):
    """Reads branches as databases, also those without a compute. Errors are `WarubiError`.

    Nothing is ever written to the branches themselves.
    """

    async def reach(self, project_id: str, branch: Branch) -> Check: ...

    async def integrity(self, project_id: str, branch: Branch, report: Report) -> list[Check]: ...

    async def compare(self, project_id: str, then: Branch, now: Branch, report: Report) -> Comparison: ...

    async def prove(
        self, project_id: str, left: Branch, right: Branch, report: Report, at: datetime | None = None
    ) -> list[TableProof]:
        """Whether each table of `left` has the rows of `right` as it was at `at`; None is its head."""
        ...
