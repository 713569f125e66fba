"""How much a project may hold, and how long branches live.

Codes and messages are Neon's (its errors of status 422). The numbers are not those of a plan: they keep a
machine from drowning, and tests lower them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from warubi_tui.engine import clock
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.store import BranchRow, Transaction

RECOVERY: Final = timedelta(days=7)
"""How long a deleted branch can be recovered."""

LONGEST_LIFE: Final = timedelta(days=30)
"""How far ahead a branch may be set to expire."""


@dataclass(frozen=True)
class Limits:
    """How many branches of each kind a project may have, deleted ones not counted, and what each may hold."""

    branches: int = 500
    root_branches: int = 100
    protected_branches: int = 100
    roles: int = 500
    databases: int = 500

    def check(self, tx: Transaction, *, branches: int = 0, roots: int = 0, protected: int = 0) -> None:
        """Raises ApiError 422 where the project has no room for that many more."""
        rows = tx.all(BranchRow, deleted_at=None)
        wishes = [
            (branches, len(rows), self.branches, "branches"),
            (roots, sum(row.parent is None for row in rows), self.root_branches, "root branches"),
            (protected, sum(row.protected for row in rows), self.protected_branches, "protected branches"),
        ]
        for more, present, most, word in wishes:
            if more > 0 and present + more > most:
                raise _exceeded(word)

    def check_roles(self, present: int) -> None:
        """Raises ApiError 422 where a branch with that many roles has no room for another."""
        if present >= self.roles:
            raise _exceeded("roles")

    def check_databases(self, present: int) -> None:
        """Raises ApiError 422 where a branch with that many databases has no room for another."""
        if present >= self.databases:
            raise _exceeded("databases")


_ODD_CODES: Final = {"protected branches": "BRANCHES_PROTECTED_LIMIT_EXCEEDED"}


def _exceeded(word: str) -> ApiError:
    code = _ODD_CODES.get(word, f"{word.upper().replace(' ', '_')}_LIMIT_EXCEEDED")
    return ApiError(422, f"{word} limit exceeded", code=code)


@dataclass(frozen=True)
class Lifetime:
    """When a branch expires (µs since the epoch, whole seconds) and after how many seconds; None: never."""

    expires_at: int | None = None
    seconds: int | None = None


def lifetime(expires_at: datetime | None) -> Lifetime:
    """The lifetime of a branch that is to expire then. Raises ApiError 422 unless that is within 30 days."""
    if expires_at is None:
        return Lifetime()
    moment = clock.to_microseconds(expires_at.replace(microsecond=0))
    seconds = (moment - clock.now()) // 1_000_000
    if not 0 < seconds <= LONGEST_LIFE.total_seconds():
        raise ApiError(422, f"expires_at must be in the future, at most {LONGEST_LIFE.days} days ahead")
    return Lifetime(moment, seconds)


def recoverable_until(deleted_at: int) -> int:
    """When a branch that was deleted then is gone for good; both in µs since the epoch."""
    return deleted_at + int(RECOVERY.total_seconds()) * 1_000_000
