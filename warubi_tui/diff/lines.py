"""The lines of COPY of a paired table, read as rows."""

from warubi_tui.diff.copytext import fields, value
from warubi_tui.diff.model import Op, RowDiff, Values
from warubi_tui.diff.pairing import Pairing, Side
from warubi_tui.diff.same_value import same_value


class LineReader:
    """Reads the lines that `results` keeps: a row's columns in the order of its side, as COPY writes them."""

    def __init__(self, schema: str, table: str, pairing: Pairing) -> None:
        self._schema = schema
        self._table = table
        self.pairing = pairing

    def row(self, op: Op, then: bytes | None, now: bytes | None) -> RowDiff:
        """The difference that these lines are."""
        was = self.values(self.pairing.then, then)
        is_now = self.values(self.pairing.now, now)
        newest = is_now if is_now is not None else was
        columns: tuple[str, ...] = ()
        same: tuple[str, ...] = ()
        if was is not None and is_now is not None:
            columns = tuple(name for name in self.pairing.compared if was[name] != is_now[name])
            same = tuple(name for name in columns if self._same(name, was[name], is_now[name]))
        return RowDiff(
            schema=self._schema,
            table=self._table,
            op=op,
            key={name: newest[name] for name in self.pairing.key} if newest else {},
            then=was,
            now=is_now,
            columns=columns,
            same_value=same,
        )

    def values(self, side: Side | None, line: bytes | None) -> Values | None:
        """The row of a side that a line is, columns in table order."""
        if side is None or line is None:
            return None
        found = fields(line) if side.columns else []
        by_name = {column.name: value(field) for column, field in zip(side.columns, found, strict=True)}
        return {column.name: by_name[column.name] for column in side.table.columns if column.name in by_name}

    def _same(self, name: str, then: str | None, now: str | None) -> bool:
        if then is None or now is None or self.pairing.then is None or self.pairing.now is None:
            return False
        was, is_now = (
            next(column.base for column in side.columns if column.name == name)
            for side in (self.pairing.then, self.pairing.now)
        )
        same = same_value(was, is_now)
        return same is not None and same(then, now)
