"""What a table's removed, added or changed rows have in common."""

from dataclasses import dataclass
from typing import Literal

from warubi_tui.diff.model import Op

SideName = Literal["then", "now"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about the rows of a table that one thing happened to."""

    op: Op
    rows: int
    """How many rows it happened to."""
    read: int
    """How many of them were read; the sentence speaks of these."""
    sentence: str
    """Safe to draw, without the table's name and without a full stop."""
    where: str | None
    """A condition that every row read meets, in SQL, printable and exact; None if nothing useful is known."""
    side: SideName
    """Whose version of the rows `where` is about."""
    others: int | None
    """How many more rows of `side` meet `where`, counted after the comparison; None where nobody counted."""

    @property
    def filter(self) -> str | None:
        """`where`, if it tells rows apart: None where it is true of every row."""
        return None if self.where == "true" else self.where

    def to_json(self) -> dict[str, object]:
        """An entry of the key `findings` of a table of `diff --json`."""
        return {
            "op": self.op,
            "rows": self.rows,
            "read": self.read,
            "sentence": self.sentence,
            "where": self.where,
            "side": self.side,
            "others": self.others,
        }
