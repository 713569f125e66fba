"""Which object of one side is which of the other."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from warubi_tui.diff.schema.ancestry import Ancestry, number_of
from warubi_tui.diff.schema.kinds import OBJECTS, RELATIONS, is_part, own_name
from warubi_tui.postgres.objects.model import SchemaObject


@dataclass(frozen=True, slots=True)
class Pair:
    """An object as it was and as it is."""

    then: SchemaObject | None
    now: SchemaObject | None
    same: bool
    """Whether numbers prove that they are one object, and not two of one name."""
    renamed: bool = False
    """Whether it is the same under another name, or in a schema that is another one."""

    @property
    def object(self) -> SchemaObject:
        """As it was, or as it is where it was not there."""
        one = self.then or self.now
        assert one is not None
        return one


@dataclass(frozen=True, slots=True)
class Family:
    """A table, view or type with all that belongs to it; of most other kinds, an object alone."""

    head: Pair
    parts: tuple[Pair, ...] = ()
    """Empty where the head is on one side only. Columns in their order then, added ones at the end."""


def families(then: Sequence[SchemaObject], now: Sequence[SchemaObject], ancestry: Ancestry) -> list[Family]:
    """Every object of both sides, once, in the order that they are told."""
    (heads_then, parts_then), (heads_now, parts_now) = split(then), split(now)
    schemas = {
        own_name(pair.then): own_name(pair.now)
        for pair in _pairs(_schemas(heads_then), _schemas(heads_now), ancestry, {})
        if pair.same and pair.then and pair.now
    }
    found = []
    for head in _pairs(heads_then, heads_now, ancestry, schemas):
        belonging: tuple[Pair, ...] = ()
        if head.then and head.now and head.then.relation:
            moved = {head.then.schema: head.now.schema}
            there, here = parts_then[head.then.place], parts_now[head.now.place]
            belonging = tuple(_pairs(there, here, ancestry, moved))
        found.append(Family(head, belonging))
    return sorted(found, key=lambda family: order_of(family.head.object))


def _schemas(heads: Iterable[SchemaObject]) -> list[SchemaObject]:
    return [one for one in heads if one.kind == "schema"]


def split(
    objects: Iterable[SchemaObject],
) -> tuple[list[SchemaObject], defaultdict[tuple[str, str], list[SchemaObject]]]:
    """Objects that stand for themselves, and by place those that belong to one."""
    heads = []
    parts: defaultdict[tuple[str, str], list[SchemaObject]] = defaultdict(list)
    for one in objects:
        if is_part(one):
            parts[one.place].append(one)
        else:
            heads.append(one)
    return heads, parts


def _pairs(
    then: Sequence[SchemaObject],
    now: Sequence[SchemaObject],
    ancestry: Ancestry,
    schemas: Mapping[str, str],
) -> list[Pair]:
    """By number where that is proof, then by kind, schema and name.

    Args:
        schemas: how schemas are called now that were called otherwise then.
    """
    after = {number_of(one): one for one in now}
    named = {(one.kind, one.schema, own_name(one)): one for one in now}
    found = []
    for one in then:
        other = after.get(number_of(one))
        if other is not None and ancestry.same(one, other):
            del named[other.kind, other.schema, own_name(other)]
            name = schemas.get(one.schema, one.schema), own_name(one)
            found.append(Pair(one, other, same=True, renamed=name != (other.schema, own_name(other))))
        else:
            found.append(Pair(one, None, same=False))
    found = [
        pair if pair.then is None or pair.same else _by_name(pair.then, named, schemas) for pair in found
    ]
    return sorted([*found, *(Pair(None, one, same=False) for one in named.values())], key=_rank)


def _by_name(
    one: SchemaObject,
    named: dict[tuple[str, str, str], SchemaObject],
    schemas: Mapping[str, str],
) -> Pair:
    schema = schemas.get(one.schema, one.schema)
    return Pair(one, named.pop((one.kind, schema, own_name(one)), None), same=False)


def _rank(pair: Pair) -> int:
    return _RANKS[pair.object.kind]


def order_of(head: SchemaObject) -> tuple[int, str, str]:
    """Sorts objects that stand for themselves; tables and views go together."""
    kind = "table" if head.kind in RELATIONS else head.kind
    return _RANKS[kind], head.schema, own_name(head)


_RANKS: Final = {kind: place for place, kind in enumerate(OBJECTS)}
