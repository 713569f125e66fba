"""One thing that was looked at: what came out, and by what evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

CheckState = Literal["pass", "warn", "fail", "unknown"]

CHECK_STATES: tuple[CheckState, ...] = get_args(CheckState)


@dataclass(frozen=True)
class Check:
    """A check and its result. One that could not run is `unknown`, never `pass`."""

    name: str
    state: CheckState
    evidence: str
    """What was seen, or why nothing could be seen; without secrets."""
    at: datetime
    """When, aware UTC."""


def worst(checks: Iterable[Check]) -> CheckState:
    """The state that speaks for all: fail before unknown before warn. No checks at all are `unknown`."""
    states = {check.state for check in checks}
    order: tuple[CheckState, ...] = ("fail", "unknown", "warn", "pass")
    return next((state for state in order if state in states), "unknown")
