"""The steps that every scenario shares; a scenario takes them as they are or with other words."""

from __future__ import annotations

from typing import Final

from warubi_tui.recovery.scenarios.scenario import Option, Step

IN_PLACE: Final = "in_place"
PROMOTE: Final = "promote"
KEEP: Final = "keep"

DESCRIBE: Final = Step(
    key="describe",
    kind="describe",
    title="Say what happened",
    ask="In a sentence: what is wrong, since when, who noticed it. It goes into the incident's record.",
    safe="Only reads: the branch, its history window, running operations.",
    undo="Nothing to undo.",
)

MOMENT: Final = Step(
    key="moment",
    kind="moment",
    title="Pick the moment",
    ask="The last good moment: a time (14:05:03.120, -15m, 2026-11-22T14:05:03Z) or an LSN.",
    safe="Only reads. A time is a hint, an LSN is exact: the commits on both sides are shown where the server"
    " tells them.",
    undo="Nothing to undo; go back here to pick another moment.",
)

COPY: Final = Step(
    key="copy",
    kind="copy",
    title="Restore a copy",
    ask="A name for the copy that no other branch has.",
    safe="The copy is a new branch beside the original. The original is only read, and the copy keeps this"
    " moment when it has left the history window.",
    undo="Delete the copy.",
)

COMPARE: Final = Step(
    key="compare",
    kind="compare",
    title="Look at the difference",
    ask="Compare the copy with the original. Is what was lost there, and what would going back discard?",
    safe="Only reads, in read-only transactions, on both branches.",
    undo="Nothing to undo.",
)

CHOOSE: Final = Step(
    key="choose",
    kind="choose",
    title="Choose the way back",
    ask="Which way?",
    safe="Choosing changes nothing.",
    undo="Go back here to choose again, as long as nothing was restored.",
    options=(
        Option(
            IN_PLACE,
            "Restore in place",
            "The whole branch goes back to the copy's moment and keeps its connection string. Rows written"
            " since are kept only under the old state's name. Right when most of what came after is damage.",
        ),
        Option(
            PROMOTE,
            "Rename and promote",
            "The copy takes the original's name and becomes the default; nothing is overwritten. The"
            " application needs the copy's connection string. Right when the damaged branch has to stay.",
        ),
        Option(
            KEEP,
            "Keep both",
            "Neither branch changes; rows are taken from the copy by hand. Right when the loss is a small"
            " part and many good rows were written since.",
        ),
    ),
)

RESTORE_IN_PLACE: Final = Step(
    key="in_place",
    kind="in_place",
    title="Restore in place",
    ask="Type the branch's name to overwrite it with the state of the copy's moment.",
    safe="The present state is kept whole under a new name. Connections drop for some seconds.",
    undo="Restore the branch again from the branch that keeps the old state (key u).",
    only_if=("choose", (IN_PLACE,)),
)

RENAME_ORIGINAL: Final = Step(
    key="rename_original",
    kind="branch_call",
    call="rename_original",
    title="Rename the original",
    ask="Give the original another name. Of a default or protected branch the name has to be typed.",
    safe="Only the name changes: connections to it go on working, on the damaged data.",
    undo="Rename it back (key u).",
    only_if=("choose", (PROMOTE,)),
)

RENAME_COPY: Final = Step(
    key="rename_copy",
    kind="branch_call",
    call="rename_copy",
    title="Give the copy the original's name",
    ask="Give the copy the name that the original had.",
    safe="Only the name changes.",
    undo="Rename it back (key u).",
    only_if=("choose", (PROMOTE,)),
)

SET_DEFAULT: Final = Step(
    key="set_default",
    kind="branch_call",
    call="set_default",
    title="Make the copy the default branch",
    ask="Type the branch's name to make it the default.",
    safe="No data moves. The application reaches the copy only with the copy's connection string: key c shows"
    " it, and so does `warubi branch uri NAME --reveal`.",
    undo="Make the original the default again (key u).",
    only_if=("choose", (PROMOTE,)),
)

PROVE: Final = Step(
    key="prove",
    kind="prove",
    title="Prove the result",
    ask="Compare every table of the result with the copy, and connect afresh.",
    safe="Only reads.",
    undo="Nothing to undo.",
    only_if=("choose", (IN_PLACE, PROMOTE)),
)

CLOSE: Final = Step(
    key="close",
    kind="close",
    title="Confirm and close",
    ask="Is the application well? Say what you saw; it is recorded as your word.",
    safe="Nothing is deleted: the copy and the kept state stay until you remove them.",
    undo="Nothing to undo.",
)

WAY_BACK: Final = (CHOOSE, RESTORE_IN_PLACE, RENAME_ORIGINAL, RENAME_COPY, SET_DEFAULT)
"""From the choice to the restored branch."""
