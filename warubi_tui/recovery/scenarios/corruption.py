"""The data is wrong or cannot be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from warubi_tui.recovery.scenarios import spine
from warubi_tui.recovery.scenarios.scenario import Scenario, Step

CORRUPTION: Final = Scenario(
    key="corruption",
    title="Database corruption",
    when="Queries fail, an index and its table disagree, constraints no longer hold, or values are nonsense.",
    notes=(
        "A broken index alone needs REINDEX, no restore: the damaged branch is looked at first.",
        "No check of the copy counts as passed because it could not run: it is shown as unknown.",
        "If the storage itself is at fault, open a ticket with Neon, with the branch's id and the LSN.",
    ),
    steps=(
        replace(
            spine.DESCRIBE, ask="In a sentence: what fails or is wrong, since when? Paste the error message."
        ),
        Step(
            key="classify",
            kind="verify",
            subject="original",
            title="See how far the damage goes",
            ask="Look into the damaged branch: indexes, constraints, sequences, every row of every table.",
            safe="Only reads. Reading every table costs time and I/O on a large branch.",
            undo="Nothing to undo.",
        ),
        replace(
            spine.MOMENT,
            ask="The last moment known to be good: a time or an LSN. If unsure, go further back.",
        ),
        spine.COPY,
        Step(
            key="verify_copy",
            kind="verify",
            subject="copy",
            title="Verify the copy",
            ask="Look into the copy the same way. If it is damaged too, go back and pick an earlier moment.",
            safe="Only reads the copy.",
            undo="Nothing to undo.",
        ),
        spine.COMPARE,
        *spine.WAY_BACK,
        spine.PROVE,
        spine.CLOSE,
    ),
)
