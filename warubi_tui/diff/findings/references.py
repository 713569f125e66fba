"""Rows that refer to rows of another table, as SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from warubi_tui.diff.quoting import identifier
from warubi_tui.postgres.catalog import TableName

FOREIGN_KEYS: Final = """
SELECT tn.nspname::text, t.relname::text, of.columns, rn.nspname::text, r.relname::text, of.referred
  FROM pg_constraint c
  JOIN pg_class t ON t.oid = c.conrelid
  JOIN pg_namespace tn ON tn.oid = t.relnamespace
  JOIN pg_class r ON r.oid = c.confrelid
  JOIN pg_namespace rn ON rn.oid = r.relnamespace
 CROSS JOIN LATERAL (
       SELECT array_agg(a.attname::text ORDER BY k.place) AS columns,
              array_agg(b.attname::text ORDER BY k.place) AS referred
         FROM unnest(c.conkey, c.confkey) WITH ORDINALITY k(own, other, place)
         JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own
         JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.other) of
 WHERE c.contype = 'f' AND c.conparentid = 0
 ORDER BY c.conrelid, c.conname
"""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns of a table that refer to columns of another one, or of itself."""

    table: TableName
    columns: tuple[str, ...]
    other: TableName
    referred: tuple[str, ...]

    def belonging(self, where: str) -> str:
        """The condition that a row refers to a row of the other table that meets `where`."""
        own = ", ".join(map(identifier, self.columns))
        subject = own if len(self.columns) == 1 else f"({own})"
        referred = ", ".join(map(identifier, self.referred))
        return f"{subject} IN (SELECT {referred} FROM {name(self.other)} WHERE {where})"

    @property
    def orphans(self) -> str:
        """What goes behind FROM for the rows that refer to nothing."""
        filled = " AND ".join(f"c.{identifier(column)} IS NOT NULL" for column in self.columns)
        same = " AND ".join(
            f"p.{identifier(theirs)} = c.{identifier(own)}"
            for own, theirs in zip(self.columns, self.referred, strict=True)
        )
        exists = f"EXISTS (SELECT FROM {name(self.other)} p WHERE {same})"
        return f"{name(self.table)} c WHERE {filled} AND NOT {exists}"


def foreign_key(row: Sequence[object]) -> ForeignKey:
    """From a row of FOREIGN_KEYS."""
    schema, table, columns, other_schema, other, referred = row
    assert isinstance(columns, list)
    assert isinstance(referred, list)
    return ForeignKey(
        (str(schema), str(table)), tuple(columns), (str(other_schema), str(other)), tuple(referred)
    )


def name(table: TableName) -> str:
    """A table as it is written in SQL."""
    return ".".join(map(identifier, table))
