"""What the list of branches says about each of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from rich.text import Text

from warubi_tui import timefmt
from warubi_tui.neon.branches import tree
from warubi_tui.text import clean, shorten_middle
from warubi_tui.widgets.facts import size_words

if TYPE_CHECKING:
    from warubi_tui.neon.models import Branch, Endpoint

MAX_ROWS: Final = 1_000
"""How many branches are put into the table; more would make the keyboard wait."""

_KEPT: Final = re.compile(r"(.+)_old_\d{8}T\d{6}Z")
"""The names that `recovery.restore` proposes for overwritten states."""

_NAME_WIDTH: Final = 24
_PADDING: Final = 2

AGE: Final = "Age"
_COLUMNS: Final = (("Marks", 17), ("Data as of", 10), ("State", 8), ("Size", 7), (AGE, 10))
"""Beside the name, most important first: label and width in cells."""


def columns(room: int) -> list[tuple[str, int]]:
    """Label and width of the columns that fit into `room` cells; the name takes what is left."""
    chosen: list[tuple[str, int]] = []
    left = room - _PADDING
    for label, width in _COLUMNS:
        if left - width - _PADDING < _NAME_WIDTH:
            break
        chosen.append((label, width))
        left -= width + _PADDING
    return [("Branch", max(left, _NAME_WIDTH)), *chosen]


@dataclass(frozen=True)
class BranchRow:
    """One branch at its place in the tree."""

    branch: Branch
    twig: str
    """What joins it to its parent, before the name; empty for a root, and for every branch under a filter."""
    now: datetime

    def cells(self, shown: Sequence[tuple[str, int]]) -> list[Text]:
        """What stands in the columns `shown`, as text that is never read as markup."""
        branch, now = self.branch, self.now
        name = shorten_middle(clean(branch.name), shown[0][1] - len(self.twig))
        by_label = {
            "Marks": Text(" ".join(marks(branch))),
            "Data as of": Text(
                short_time(branch.parent_timestamp, now) if branch.parent_timestamp else "live"
            ),
            "State": Text(
                clean(f"→{branch.pending_state}" if branch.pending_state else branch.current_state)
            ),
            "Size": Text(size_words(branch.logical_size), justify="right"),
            AGE: age_cell(branch, now),
        }
        first = Text.assemble((self.twig, "dim"), (name, "bold" if branch.default else ""))
        return [first, *(by_label[label] for label, _ in shown[1:])]


def age_cell(branch: Branch, now: datetime) -> Text:
    """How long ago a branch was made."""
    return Text(timefmt.age(branch.created_at, now).removesuffix(" ago"))


def branch_rows(branches: Sequence[Branch], wanted: str, now: datetime) -> list[BranchRow]:
    """The branches in the order of their tree, at most `MAX_ROWS`.

    Args:
        wanted: in lower case; only branches with this in their name or id are kept, without indentation.
    """
    rows = tree(branches)
    joined = zip(rows, twigs([row.depth for row in rows]), strict=True)
    found = [
        BranchRow(row.branch, "" if wanted else twig, now)
        for row, twig in joined
        if wanted in row.branch.name.lower() or wanted in row.branch.id.lower()
    ]
    return found[:MAX_ROWS]


def twigs(depths: Sequence[int]) -> list[str]:
    """What is drawn before the names of a tree with rows of these depths: `├─ `, for the last one `└─ `."""
    drawn: list[str] = []
    goes_on: set[int] = set()
    for depth in reversed(depths):
        trunk = "".join("│ " if level in goes_on else "  " for level in range(1, depth))
        drawn.append(f"{trunk}{'├─ ' if depth in goes_on else '└─ '}" if depth else "")
        goes_on = {level for level in goes_on if level < depth} | {depth}
    return drawn[::-1]


def original_of(kept: Branch, branches: Sequence[Branch]) -> Branch | None:
    """The branch whose state before a restore in place `kept` holds, as the name of `kept` says."""
    match = _KEPT.fullmatch(kept.name)
    return next((one for one in branches if match and one.name == match[1]), None)


def marks(branch: Branch) -> list[str]:
    """What is special about a branch, in words."""
    marked = [
        ("default", branch.default),
        ("protected", branch.protected),
        ("expires", bool(branch.expires_at)),
    ]
    return [word for word, on in marked if on]


def state_words(branch: Branch) -> str:
    """`ready`, or where it is going: `init→ready`."""
    pending = branch.pending_state
    return f"{branch.current_state}→{pending}" if pending else branch.current_state


def short_time(at: datetime, now: datetime) -> str:
    """A UTC time in ten characters: the clock within a day, else the date."""
    text = timefmt.utc(at, "seconds")
    return text[11:] if timedelta(0) <= now - at < timedelta(days=1) else text[:10]


def branch_facts(
    branch: Branch, parent: Branch | None, endpoint: Endpoint | None, *, now: datetime, zone: tzinfo
) -> list[tuple[str, str]]:
    """Everything worth knowing about a branch, most important first."""
    marked = ", ".join(marks(branch))
    facts = [("branch", f"{branch.name} ({marked})" if marked else branch.name), ("id", branch.id)]
    facts.append(("state", state_words(branch) + (f", compute {endpoint.current_state}" if endpoint else "")))
    facts.append(("parent", _parent_words(branch, parent)))
    if branch.parent_timestamp is not None:
        facts += _time_facts("data as of", branch.parent_timestamp, now, zone)
    if branch.parent_lsn is not None:
        facts.append(("at LSN", str(branch.parent_lsn)))
    facts += _time_facts("created", branch.created_at, now, zone)
    if branch.last_reset_at is not None:
        facts += _time_facts("restored", branch.last_reset_at, now, zone)
    if branch.expires_at is not None:
        facts += _time_facts("expires", branch.expires_at, now, zone)
    facts.append(("size", size_words(branch.logical_size)))
    if endpoint is not None:
        facts.append(("host", endpoint.host))
    if branch.created_by:
        facts.append(("created by", branch.created_by))
    facts += [(f"no {action}", reason) for action, reason in branch.restricted]
    return facts


def _parent_words(branch: Branch, parent: Branch | None) -> str:
    if branch.parent_id is None:
        return "none, this is a root"
    return f"{parent.name} ({parent.id})" if parent else branch.parent_id


def _time_facts(label: str, at: datetime, now: datetime, zone: tzinfo) -> list[tuple[str, str]]:
    shown = f"{timefmt.utc(at, 'seconds')}, {timefmt.age(at, now)}"
    if timefmt.is_utc(zone):
        return [(label, shown)]
    return [(label, shown), ("", timefmt.local(at, zone, "seconds"))]
