"""Which objects of two databases are one and the same, by numbers that PostgreSQL gave out once.

Copies of one cluster (branches, restored backups, databases made from one template) hold the objects from
before they parted under the same object ids and attribute numbers, whatever they are called since. After
that, each side gives out numbers on its own, and may well give out the same.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from warubi_tui.diff.schema.kinds import is_part, own_name
from warubi_tui.postgres.objects.model import DatabaseSchema, SchemaObject

Number = tuple[str, int, int]
"""What identifies an object in one cluster: its kind, object id and attribute number."""

_ENOUGH: Final = 0.5
"""How much two objects must have in common to be one that was renamed, where the parting is a guess."""

_OLDEST: Final = 3
"""The first ordinary transaction id; those below are of the cluster's making."""


def number_of(one: SchemaObject) -> Number:
    """What identifies `one` in its cluster."""
    return one.kind, one.oid, one.number


class Ancestry:
    """What two databases have in common."""

    def __init__(self, then: DatabaseSchema, now: DatabaseSchema, next_xid: int | None = None) -> None:
        """Looks for the moment when they parted.

        Args:
            next_xid: the first 64-bit transaction id not yet assigned then, from the control plane. Without
                it, the newest row that both catalogs hold tells: whatever is older was there.
        """
        self._schemas = then, now
        self._certain = next_xid is not None
        related = then.system is not None and then.system == now.system
        self._next_xid = (next_xid or _newest_common(then, now) + 1) if related else 0
        self._parts = _parts(then.objects), _parts(now.objects)

    def same(self, then: SchemaObject, now: SchemaObject) -> bool:
        """Whether two objects with the same number are one: one of the rows is from before the parting."""
        old = any(
            _whole(one.born, schema.next_xid) < self._next_xid
            for one, schema in zip((then, now), self._schemas, strict=True)
        )
        called_alike = (then.schema, own_name(then)) == (now.schema, own_name(now))
        return old and (self._certain or called_alike or is_part(then) or self._alike(then, now))

    def _alike(self, then: SchemaObject, now: SchemaObject) -> bool:
        before, after = (
            set(one.facts.items()) | parts[one.kind, one.oid]
            for one, parts in zip((then, now), self._parts, strict=True)
        )
        return len(before & after) >= _ENOUGH * len(before | after)


def _newest_common(then: DatabaseSchema, now: DatabaseSchema) -> int:
    before = {number_of(one): one for one in then.objects}
    common = (
        _whole(one.born, now.next_xid)
        for one in now.objects
        if (other := before.get(number_of(one))) is not None and _same_row(other, one)
    )
    return max((xid for xid in common if xid < now.next_xid), default=-1)


def _same_row(then: SchemaObject, now: SchemaObject) -> bool:
    """Whether two objects of one number are untouched since one transaction; its number alone is no proof."""
    return then.born == now.born and own_name(then) == own_name(now) and then.facts == now.facts


def _whole(xid: int, next_xid: int) -> int:
    """The 64-bit transaction id of a row of a catalog; too high for one that was frozen very long ago."""
    if xid < _OLDEST:
        return xid
    behind = (next_xid - xid) & 0xFFFFFFFF
    return next_xid - behind if behind < 0x8000_0000 else next_xid - behind + 0x1_0000_0000


def _parts(objects: Iterable[SchemaObject]) -> defaultdict[tuple[str, int], set[tuple[str, str]]]:
    """What a table is made of, besides its own properties: the types of its columns."""
    found: defaultdict[tuple[str, int], set[tuple[str, str]]] = defaultdict(set)
    for one in objects:
        if one.kind == "column":
            found["table", one.oid].add((f"column {one.number}", one.facts["type"]))
    return found
