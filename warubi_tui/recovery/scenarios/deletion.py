"""Rows are gone that nobody meant to delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from warubi_tui.recovery.scenarios import spine
from warubi_tui.recovery.scenarios.scenario import Scenario

DELETION: Final = Scenario(
    key="deletion",
    title="Accidental deletion",
    when="Rows are missing or overwritten: a DELETE or UPDATE that hit too much, TRUNCATE, DROP TABLE.",
    notes=(
        'The guide says "one minute before": that throws away a minute of good writes. Pick the last moment'
        " before the commit that did it.",
        "A foreign key with ON DELETE CASCADE empties other tables too: the comparison covers every table.",
        "Neon's own Restore overwrites the branch; this way makes a copy first and looks.",
    ),
    steps=(
        replace(spine.DESCRIBE, ask="In a sentence: which rows are missing, since when, who or what did it?"),
        replace(
            spine.MOMENT,
            ask="The last moment at which the rows were there: a time (14:05:03.120, -15m, …Z) or an LSN.",
        ),
        spine.COPY,
        replace(
            spine.COMPARE,
            ask="Compare the copy with the original. `removed` are the rows that were lost; `added` and"
            " `changed` were written since, and going back in place would discard them.",
        ),
        *spine.WAY_BACK,
        spine.PROVE,
        spine.CLOSE,
    ),
)
