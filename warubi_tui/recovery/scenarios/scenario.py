"""What a scenario is made of. Scenarios are data; what the kinds of steps do is in `recovery.steps`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StepKind = Literal[
    "describe",
    "attest",
    "verify",
    "moment",
    "copy",
    "compare",
    "choose",
    "in_place",
    "branch_call",
    "prove",
    "close",
]


@dataclass(frozen=True)
class Option:
    """One answer of a step that lets the person choose."""

    value: str
    title: str
    meaning: str
    """What it does, what it costs, and when it is right."""


@dataclass(frozen=True)
class Step:
    """One step on the way: what it asks, why it is safe, how to undo it."""

    key: str
    """Unique in its scenario, and kept in the incident's file."""
    kind: StepKind
    title: str
    ask: str
    """What the person is asked to do or to type."""
    safe: str
    """What this touches and what it leaves alone."""
    undo: str
    options: tuple[Option, ...] = ()
    only_if: tuple[str, tuple[str, ...]] | None = None
    """(key of an earlier step, its answers): the step belongs to the way only after one of these answers."""
    subject: Literal["original", "copy"] = "copy"
    """Which branch a `verify` looks into."""
    call: Literal["rename_original", "rename_copy", "set_default"] | None = None
    """Which call a `branch_call` makes."""


@dataclass(frozen=True)
class Scenario:
    """One kind of accident and the way out of it."""

    key: str
    title: str
    when: str
    """How this accident looks from outside."""
    notes: tuple[str, ...]
    """Where this way differs from the guide, and why."""
    steps: tuple[Step, ...]

    def step(self, key: str) -> Step:
        """The step with this key. Raises KeyError."""
        for step in self.steps:
            if step.key == key:
                return step
        raise KeyError(key)
