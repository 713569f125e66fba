"""The lines of COPY of a paired table, read as rows."""

from warubi_tui.diff.copytext import fields, value
from warubi_tui.diff.model import Op, RowDiff, Values
from warubi_tui.diff.pairing import Pairing, Side


class LineReader:
    """Reads the lines that `statements.ordered_rows` asks for: the row's identity, then its columns."""

    def __init__(self, schema: str, table: str, pairing: Pairing) -> None:
        self._schema = schema
        self._table = table
        self.pairing = pairing

    def changed_columns(self, then: bytes, now: bytes) -> tuple[str, ...]:
        """The compared columns in which the two lines of one row differ, in table order."""
        start = self.pairing.width
        compared = self.pairing.compared
        before = fields(then)[start : start + len(compared)]
        after = fields(now)[start : start + len(compared)]
        return tuple(name for name, was, is_now in zip(compared, before, after, strict=True) if was != is_now)

    def row(self, op: Op, then: bytes | None, now: bytes | None) -> RowDiff:
        """The difference that these lines are."""
        was = self._values(self.pairing.then, then)
        is_now = self._values(self.pairing.now, now)
        newest = is_now if is_now is not None else was
        changed = then is not None and now is not None
        return RowDiff(
            schema=self._schema,
            table=self._table,
            op=op,
            key={name: newest[name] for name in self.pairing.key} if newest else {},
            then=was,
            now=is_now,
            columns=self.changed_columns(then, now) if changed and then and now else (),
        )

    def _values(self, side: Side | None, line: bytes | None) -> Values | None:
        if side is None or line is None:
            return None
        found = fields(line)[self.pairing.width :]
        by_name = {column.name: value(field) for column, field in zip(side.columns, found, strict=True)}
        return {column.name: by_name[column.name] for column in side.table.columns}
