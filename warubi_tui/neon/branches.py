"""Branches as people speak of them: by name, with a point in the past, as a tree, and names for new ones."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from warubi_tui.errors import UsageError
from warubi_tui.neon.models import Branch
from warubi_tui.text import clean, shorten

NAME_LENGTH: Final = 256
"""The longest name Neon takes."""


@dataclass(frozen=True)
class BranchRef:
    """A branch as it was typed: `NAME`, or `NAME@POINT` with a time or an LSN."""

    name: str
    """A name or an id."""
    point: str | None
    """What stands behind the `@`; None for the branch as it is now."""

    @classmethod
    def parse(cls, text: str, branches: Sequence[Branch] = ()) -> "BranchRef":
        """Reads `text`. The last `@` parts name and point, unless a branch has the whole as its name or id.

        Raises UsageError when the name or the point is empty.
        """
        text = text.strip()
        if "@" not in text or any(text in {branch.name, branch.id} for branch in branches):
            name, point = text, None
        else:
            name, _, point = text.rpartition("@")
            name, point = name.strip(), point.strip()
        if not name or point == "":
            raise UsageError(
                f"{text!r} names no branch.", hint="Write NAME, or NAME@TIME or NAME@LSN for its past."
            )
        return cls(name, point)


@dataclass(frozen=True)
class TreeRow:
    """A branch at its place in the tree."""

    branch: Branch
    depth: int
    """0 for a root."""


def find_branch(branches: Sequence[Branch], ref: str) -> Branch:
    """The branch with this name or id.

    Raises UsageError when there is none, or when several bear the name (Neon does not enforce that names
    differ): then the ids are listed.
    """
    for branch in branches:
        if branch.id == ref:
            return branch
    found = [branch for branch in branches if branch.name == ref]
    if not found:
        names = ", ".join(row.branch.name for row in tree(branches)) or "none"
        raise UsageError(f"There is no branch {clean(ref)!r}.", hint=shorten(f"Branches: {names}", 500))
    if len(found) > 1:
        ids = ", ".join(branch.id for branch in found)
        raise UsageError(
            f"{len(found)} branches have the name {clean(ref)!r}.", hint=f"Say which one by its id: {ids}"
        )
    return found[0]


def tree(branches: Sequence[Branch]) -> list[TreeRow]:
    """The branches from the roots down, children behind their parent: default first, then by age.

    A branch whose parent is not in the list stands as a root.
    """
    ids = {branch.id for branch in branches}
    by_parent: dict[str | None, list[Branch]] = {}
    for branch in sorted(branches, key=lambda branch: (not branch.default, branch.created_at, branch.id)):
        parent = branch.parent_id if branch.parent_id in ids else None
        by_parent.setdefault(parent, []).append(branch)
    rows = list(_below(None, 0, by_parent))
    placed = {row.branch.id for row in rows}
    return rows + [TreeRow(branch, 0) for branch in branches if branch.id not in placed]


def children(branches: Sequence[Branch], branch_id: str) -> list[Branch]:
    """The direct children of a branch: what stands in the way of deleting it, and what a restore moves."""
    return [branch for branch in branches if branch.parent_id == branch_id]


def new_name(branch: str, word: str, now: datetime, taken: Collection[str]) -> str:
    """A name for a new branch beside `branch`, such as `main_preview_20261122T140758Z`.

    It is how a lost answer is looked up, so it differs from every name in `taken`.
    """
    ending = f"_{word}_{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    number = 1
    while True:
        tail = ending if number == 1 else f"{ending}_{number}"
        name = branch[: NAME_LENGTH - len(tail)] + tail
        if name not in taken:
            return name
        number += 1


def _below(parent: str | None, depth: int, by_parent: dict[str | None, list[Branch]]) -> Iterator[TreeRow]:
    for branch in by_parent.get(parent, ()):
        yield TreeRow(branch, depth)
        yield from _below(branch.id, depth + 1, by_parent)
