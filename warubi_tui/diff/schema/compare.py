"""The list of changes between two schemas."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from warubi_tui.diff.model import SchemaChange
from warubi_tui.diff.schema.ancestry import Ancestry, Number, number_of
from warubi_tui.diff.schema.kinds import TYPES, attached, is_part, own_name, place_of, summary
from warubi_tui.diff.schema.pairing import Family, Pair, families
from warubi_tui.postgres.objects.model import DatabaseSchema, SchemaObject

_OTHERWISE_CALLED: Final = {
    ("table", "primary_key"): "primary_key",
    ("table", "primary_key_comment"): "primary_key_comment",
    ("table", "bounds"): "partition_bounds",
    ("foreign_table", "bounds"): "partition_bounds",
    ("foreign_table", "foreign_options"): "foreign_table_options",
}
"""Kinds of changes that are not called object and property."""

_WITH_THE_PARENT: Final = frozenset({"constraint", "index", "trigger"})
"""What cannot be changed where it is inherited, but under other names."""


def compare_schemas(
    then: DatabaseSchema, now: DatabaseSchema, *, next_xid: int | None = None
) -> list[SchemaChange]:
    """Every difference; empty for equal schemas.

    In the order of `kinds.OBJECTS`, then by name; what belongs to a table follows it. What belongs to an
    object that is on one side only is not listed, nor what a partition has because its parent has it. Where
    both are copies of one cluster, an object under another name is `…_renamed`, and what is printed
    otherwise for that reason alone is no change. The order of columns is none.

    What could not be read on either side is left out: see `notes`.

    Args:
        next_xid: the first 64-bit transaction id not yet assigned where the two parted, if that is known.
    """
    unknown = then.unknown_kinds | now.unknown_kinds
    before, after = ([one for one in schema.objects if one.kind not in unknown] for schema in (then, now))
    found = families(before, after, Ancestry(then, now, next_xid))
    return [*_Comparison(then, now, found).changes()]


def only_of(changes: list[SchemaChange], tables: Collection[tuple[str, str]]) -> list[SchemaChange]:
    """The changes of these tables (schema and name, then or now) and of what belongs to them."""
    return [change for change in changes if change.table and (change.schema, change.table) in tables]


def notes(then: DatabaseSchema, now: DatabaseSchema) -> list[str]:
    """What the user should know about how the schemas were compared, in sentences."""
    said = [
        f"{label}: {what} unknown, so their differences are not told: {why}"
        for label, schema in (("then", then), ("now", now))
        for what, why in schema.unknown.items()
    ]
    if then.version // 10_000 != now.version // 10_000:
        said.append(
            f"PostgreSQL {then.version // 10_000} and {now.version // 10_000} print some definitions"
            " differently: not every change of a definition is one"
        )
    return said


class _Comparison:
    def __init__(self, then: DatabaseSchema, now: DatabaseSchema, found: list[Family]) -> None:
        self._positions = then.positions, now.positions
        self._order = {number_of(one): place for place, one in enumerate(now.objects)}
        self._families = found
        self._columns = {
            (one.schema, one.relation, own_name(one))
            for family in found
            for pair in family.parts
            if pair.then and pair.now
            for one in (pair.then, pair.now)
        }
        """The columns on both sides, under both names."""

    def changes(self) -> Iterator[SchemaChange]:
        told: dict[tuple[str, str], set[tuple[object, ...]]] = {}
        later = []
        for family in self._families:
            changes = list(self._family(family))
            told[family.head.object.place] = {_essence(change) for change, _ in changes}
            later += [(change, one, family.head) for change, one in changes]
        for change, one, head in later:
            parents = head.object.parents
            shared = one.inherited or change.kind == "primary_key"
            if not (shared and any(_essence(change) in told.get(parent, ()) for parent in parents)):
                yield change

    def _family(self, family: Family) -> Iterator[tuple[SchemaChange, SchemaObject]]:
        """Changes, with what they are changes of."""
        head = family.head
        for change in self._pair(head):
            yield change, head.object
        if head.then and head.now and head.object.kind in TYPES:
            yield from (
                (change, head.object) for change in _order_of_values(head.object, family.parts, self._order)
            )
        with_parent = bool(head.then and head.now and head.then.parents and _same_parents(head))
        for pair in family.parts:
            one = pair.object
            one_sided = pair.then is None or pair.now is None
            if one.inherited and one_sided and with_parent:
                continue
            for change in self._pair(pair):
                yield change, one

    def _pair(self, pair: Pair) -> Iterator[SchemaChange]:
        if pair.then and pair.now:
            yield from _renaming(pair, pair.then, pair.now)
            yield from _properties(pair, pair.then, pair.now)
            yield from self._position(pair.then, pair.now)
        elif not self._goes_with_another(pair.object):
            one = pair.object
            kind = f"{one.kind}_{'removed' if pair.then else 'added'}"
            said = summary(one)
            yield place_of(one).change(kind, said if pair.then else None, said if pair.now else None)

    def _goes_with_another(self, one: SchemaObject) -> bool:
        """Whether an object on one side only is told as a column: a sequence, a column of a view."""
        if one.kind == "view_column":
            return True
        return (
            one.kind == "sequence"
            and bool(one.part_of)
            and (one.inherited or one.part_of not in self._columns)
        )

    def _position(self, then: SchemaObject, now: SchemaObject) -> Iterator[SchemaChange]:
        """A sequence that went back gives out values again that it gave out already."""
        before, after = self._positions
        there, here = (then.schema, own_name(then)), (now.schema, own_name(now))
        if then.kind != "sequence" or there not in before or here not in after:
            return
        was, is_now = before[there], after[here]
        definition = now.facts["definition"]
        if was is None or definition.endswith(" CYCLE"):
            return
        down = "INCREMENT BY -" in definition
        if is_now is None or (is_now.reach > was.last if down else is_now.reach < was.last):
            said = None if is_now is None else str(is_now.last)
            yield place_of(then).change("sequence_went_back", str(was.last), said)


def _essence(change: SchemaChange) -> tuple[object, ...]:
    return change.kind, change.column, change.name, change.then, change.now


def _same_parents(head: Pair) -> bool:
    assert head.then
    assert head.now
    return all(_equal(head, fact) for fact in ("partition_of", "inherits"))


def _equal(pair: Pair, fact: str) -> bool:
    """Whether a property is the same, be it printed otherwise because something else has another name."""
    assert pair.then
    assert pair.now
    if pair.then.facts.get(fact) == pair.now.facts.get(fact):
        return True
    versions = pair.then.versions.get(fact), pair.now.versions.get(fact)
    return pair.same and None not in versions and versions[0] == versions[1]


def _renaming(pair: Pair, then: SchemaObject, now: SchemaObject) -> Iterator[SchemaChange]:
    version = then.versions.get("name")
    if not pair.renamed or (version is not None and version == now.versions.get("name")):
        return
    kind = "column" if then.kind == "view_column" else then.kind
    was, is_now = (
        own_name(one) if is_part(one) or not one.schema else f"{one.schema}.{own_name(one)}"
        for one in (then, now)
    )
    yield place_of(then).change(f"{kind}_renamed", was, is_now)


def _properties(pair: Pair, then: SchemaObject, now: SchemaObject) -> Iterator[SchemaChange]:
    if then.facts == now.facts:
        return
    for fact in [*then.facts, *(fact for fact in now.facts if fact not in then.facts)]:
        if _equal(pair, fact):
            continue
        was, is_now = then.facts.get(fact), now.facts.get(fact)
        kind = _kind_of_change(then, now, fact)
        if kind == "partition_attached":
            is_now = attached(now)
        elif kind == "partition_detached":
            was = attached(then)
        if kind:
            yield place_of(then).change(kind, was, is_now)


def _kind_of_change(then: SchemaObject, now: SchemaObject, fact: str) -> str | None:
    """None for what another change tells."""
    was, is_now = fact in then.facts, fact in now.facts
    if fact == "primary_key_comment" and ("primary_key" in then.facts) != ("primary_key" in now.facts):
        return None
    if fact == "primary_key_name":
        return "primary_key_renamed" if was and is_now and not (then.parents and now.parents) else None
    if fact == "partition_of":
        return (
            "partition_moved" if was and is_now else "partition_attached" if is_now else "partition_detached"
        )
    if fact == "bounds" and not (was and is_now):
        return None
    if fact == "definition" and then.inherited and now.inherited and then.kind in _WITH_THE_PARENT:
        return None
    kind = "column" if then.kind == "view_column" else then.kind
    return _OTHERWISE_CALLED.get((kind, fact), f"{kind}_{fact}")


def _order_of_values(
    head: SchemaObject, parts: Sequence[Pair], order: Mapping[Number, int]
) -> Iterator[SchemaChange]:
    """The order of those values of an enum that are on both sides."""
    both = [
        (pair.then, pair.now) for pair in parts if pair.then and pair.now and pair.then.kind == "enum_value"
    ]
    after = sorted(both, key=lambda pair: order[number_of(pair[1])])
    if both != after:
        was = ", ".join(own_name(then) for then, _ in both)
        yield place_of(head).change("type_order", was, ", ".join(own_name(now) for _, now in after))
