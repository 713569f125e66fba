"""A schema migration went wrong, and code and database have to go back together."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from warubi_tui.recovery.scenarios import spine
from warubi_tui.recovery.scenarios.scenario import Scenario, Step

MIGRATION: Final = Scenario(
    key="migration",
    title="Schema migration gone wrong",
    when="A deploy changed the schema: columns or tables are gone, renamed or rewritten, and the app fails.",
    notes=(
        "The guide says Replit's Rollback restores code and database. On Replit they are separate: restoring"
        " the database does not restore the code, and rolling back the app does not restore the database.",
        "The order here: database first, then the code to the matching checkpoint, then publish.",
        "warubi cannot see Replit: what you confirm about it is recorded as your word, not as a check.",
    ),
    steps=(
        replace(spine.DESCRIBE, ask="In a sentence: which migration or deploy, when, and what fails since?"),
        Step(
            key="freeze",
            kind="attest",
            title="Stop deploys and agents",
            ask="Stop deploys, migrations and agents. Say who stopped what; it is recorded as your word.",
            safe="warubi changes nothing here. A migration that runs again would undo the recovery.",
            undo="Allow deploys again when the incident is closed.",
        ),
        replace(spine.MOMENT, ask="The last moment before the migration began: a time or an LSN."),
        spine.COPY,
        replace(
            spine.COMPARE,
            ask="Compare the copy with the original: the schema changes of the migration, and the rows"
            " written since, which going back in place would discard.",
        ),
        *spine.WAY_BACK,
        Step(
            key="replit",
            kind="attest",
            title="Roll the code back on Replit",
            ask="On Replit open Checkpoints, choose the one made before the migration, press Rollback, and"
            " publish. Do not tick the Database box: the database is already back. Then type the checkpoint's"
            " id or URL and who did it.",
            safe="warubi does not reach Replit. The code now has to expect the schema as it was.",
            undo="Roll forward to the newer checkpoint on Replit.",
        ),
        spine.PROVE,
        spine.CLOSE,
    ),
)
