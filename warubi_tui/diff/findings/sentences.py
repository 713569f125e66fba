"""Findings as sentences, without the table's name: `312 rows removed: all rows with status 'open'`."""

from collections.abc import Sequence
from typing import Final

from warubi_tui.diff.findings.choice import Choice
from warubi_tui.diff.findings.finding import SideName
from warubi_tui.diff.model import Op
from warubi_tui.postgres.catalog import TableName
from warubi_tui.text import clean

NOTHING: Final = "nothing was found that tells them from the other rows"


def opening(op: Op, rows: int, read: int, span: str | None) -> str:
    """`312 rows removed`, from when to when they are, and how many the sentence is about."""
    parts = [f"{_rows(rows)} {op}"]
    if read < rows:
        parts.append(f"of which {read:,} were read")
    if span is not None:
        parts.append(span)
    return ", ".join(parts)


def belonging(columns: Sequence[str], table: TableName) -> str:
    """To which rows the removed ones referred: what goes behind "all rows that" or "they"."""
    names = ", ".join(map(clean, columns))
    return f"belonged to removed rows of {'.'.join(map(clean, table))} ({names})"


def shared(op: Op, rows: int, side: SideName, choice: Choice) -> str:
    """What the rows share, and who else does, as far as somebody counted; empty if that is said already.

    For changed rows and their version of now, the change has been told.
    """
    if not choice.predicates:
        return "all rows there are" if op == "added" else "all rows there were"
    if choice.named:
        return choice.words
    if not choice.proven and choice.others is not None:
        return f"those have {choice.words}, as {_rows(rows + choice.others)} of {side} have"
    if op == "changed":
        return _shared_by_changed(side, choice)
    return _shared_by_whole(op, choice)


def _shared_by_whole(op: Op, choice: Choice) -> str:
    if choice.others is None:
        return f"all have {choice.words}"
    if choice.others == 0:
        return f"all rows with {choice.words}"
    what = "are still there" if op == "removed" else "were there before"
    return f"all have {choice.words}; {_others(choice.others)} with that {what}"


def _shared_by_changed(side: SideName, choice: Choice) -> str:
    if side == "now":
        if choice.others is None:
            return ""
        if choice.others == 0:
            return f"no other row has {choice.words} now"
        return f"{_others(choice.others)} with {choice.words} did not change"
    if choice.others is None:
        return f"all had {choice.words}"
    if choice.others == 0:
        return f"all rows that had {choice.words}"
    return f"all had {choice.words}; {_others(choice.others)} that had it did not change"


def _others(count: int) -> str:
    return f"{count:,} other row{'' if count == 1 else 's'}"


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
