"""Which method finds the differing rows of a table, and why no better one."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.model import Method
from warubi_tui.diff.pairing import Pairing
from warubi_tui.diff.rows.horizon import Horizon, find_horizon
from warubi_tui.diff.rows.physical import Physical, Relation, read_physical
from warubi_tui.diff.rows.source import NotComparedError, Source, both
from warubi_tui.postgres.catalog import Table

_CHARACTERS: Final = frozenset({25, 1043})
"""The oids of text and varchar: they store and print alike."""

_WORST_FIRST: Final[tuple[Method, ...]] = ("multiset", "key", "blocks")

_STRANGERS: Final = "the two sides are not copies of one cluster"
_MADE_AGAIN: Final = "the table, or a part of it, was made again since"
_FORCED: Final = "it was asked for"


@dataclass(frozen=True, slots=True)
class Ancestry:
    """What both sides have in common physically."""

    then: Physical
    now: Physical
    horizon: Horizon | str
    """Where there is none, why, in words."""

    @property
    def one_cluster(self) -> bool:
        """Whether both sides are copies of one database: numbers mean the same on both."""
        return (
            self.then.system is not None
            and self.then.system == self.now.system
            and self.then.database == self.now.database
            and self.then.block_bytes == self.now.block_bytes
        )

    def hidden(self, then: Table | None, now: Table | None) -> dict[str, str]:
        """The columns of these tables that a session's role may not select, and why they are left out.

        None of a table of which it may select nothing at all: reading that is an error.
        """
        found: dict[str, str] = {}
        for label, side, table in (("then", self.then, then), ("now", self.now, now)):
            relation = side.relations.get(table.oid) if table is not None else None
            if relation is not None and not relation.readable:
                closed = [name for name, about in relation.attributes.items() if not about.readable]
                if len(closed) < len(relation.attributes):
                    found |= dict.fromkeys(closed, f"{label}: the role may not select it")
        return found


async def read_ancestry(then: Source, now: Source, lineage: Lineage | None) -> Ancestry:
    """Asks both sides. Raises psycopg.Error."""
    was, is_now = await both(then, read_physical(then.connection), now, read_physical(now.connection))
    return Ancestry(was, is_now, find_horizon(was, is_now, lineage))


@dataclass(frozen=True, slots=True)
class Twins:
    """One relation on both sides, compared block by block."""

    then: Relation
    now: Relation
    horizon: Horizon | None
    """Given: by the headers of rows; None: by their contents."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one table is compared: some relations block by block, the rows of all others together."""

    method: Method
    """The least good one of those used."""
    why: str = ""
    twins: tuple[Twins, ...] = ()
    then: tuple[Relation, ...] = ()
    """The other relations."""
    now: tuple[Relation, ...] = ()
    by_place: bool = True
    """Whether the headers of rows may be read; else rows can be told apart by their contents only."""


def choose(ancestry: Ancestry, pairing: Pairing, forced: Method | None) -> Plan:
    """The plan for a table; `forced` is used even where a better method is there.

    Raises:
        NotComparedError: `forced` would say something wrong, or is no method that finds rows.
    """
    return _Choice(ancestry, pairing, forced).plan()


class _Choice:
    """The choice for one table."""

    def __init__(self, ancestry: Ancestry, pairing: Pairing, forced: Method | None) -> None:
        self._ancestry = ancestry
        self._pairing = pairing
        self._forced = forced
        self._then = ancestry.then.leaves(pairing.then.table.oid) if pairing.then else []
        self._now = ancestry.now.leaves(pairing.now.table.oid) if pairing.now else []
        self._reasons: dict[Method, str] = {}
        """Why each method less good than the best is used."""

    def plan(self) -> Plan:
        """Raises NotComparedError as `choose`."""
        then, now, by_place = tuple(self._then), tuple(self._now), self._by_place()
        if self._forced in {"one side", "none"}:
            raise NotComparedError(f"{self._forced!r} is no method to choose")
        if self._pairing.then is None or self._pairing.now is None:
            return Plan("one side", then=then, now=now, by_place=by_place)
        if self._forced == "key" and not self._pairing.key:
            raise NotComparedError("cannot be compared by key: no key is there on both sides")
        if self._forced in {"key", "multiset"}:
            return Plan(self._forced, _FORCED, then=then, now=now, by_place=by_place)
        if not by_place:
            self._use_buckets("the role may not select every column, or every partition by itself")
            return Plan(*self._worst("headers"), then=then, now=now, by_place=False)
        twins = tuple(self._twins())
        then = _others(then, {pair.then.oid for pair in twins})
        now = _others(now, {pair.now.oid for pair in twins})
        if then and now and not self._reasons.keys() & {"key", "multiset"}:
            self._use_buckets(_MADE_AGAIN if self._ancestry.one_cluster else _STRANGERS)
        return Plan(*self._worst("headers" if twins else self._bucket_method()), twins, then, now)

    def _by_place(self) -> bool:
        sides = (self._ancestry.then, self._pairing.then), (self._ancestry.now, self._pairing.now)
        roots = [
            physical.relations[side.table.oid]
            for physical, side in sides
            if side is not None and side.table.oid in physical.relations
        ]
        return all(relation.readable for relation in (*roots, *self._then, *self._now))

    def _twins(self) -> Iterator[Twins]:
        for then, now in self._same_relations():
            apart = self._why_not_blocks(then, now)
            if self._forced == "blocks":
                self._reasons["blocks"] = _FORCED
                yield Twins(then, now, None)
            elif apart is not None:
                self._use_buckets(apart)
            else:
                yield Twins(then, now, self._horizon(then, now))

    def _same_relations(self) -> Iterator[tuple[Relation, Relation]]:
        """The relations that are the same ones on both sides: by number in one cluster, else by name."""

        def identity(relation: Relation) -> object:
            return relation.oid if self._ancestry.one_cluster else (relation.schema, relation.name)

        known = {identity(relation): relation for relation in self._now}
        for relation in self._then:
            if identity(relation) in known:
                yield relation, known[identity(relation)]

    def _why_not_blocks(self, then: Relation, now: Relation) -> str | None:
        """Why equal rows need not lie at equal places; None if they do, but for those that were changed."""
        if not self._ancestry.one_cluster:
            return _STRANGERS
        if then.file != now.file:
            return "its file was rewritten since (TRUNCATE, VACUUM FULL, CLUSTER or ALTER TABLE)"
        return None if then.heap and now.heap else "it is not stored as a heap"

    def _horizon(self, then: Relation, now: Relation) -> Horizon | None:
        """The horizon if the headers of rows prove what their values are."""
        horizon = self._ancestry.horizon
        if isinstance(horizon, Horizon):
            reason = self._why_not_headers(horizon, then, now)
            if reason is None:
                return horizon
        else:
            reason = horizon
        self._refuse(reason)
        self._reasons.setdefault("blocks", reason)
        return None

    def _why_not_headers(self, horizon: Horizon, then: Relation, now: Relation) -> str | None:
        if horizon.is_suspect(then.row_xid) and horizon.is_suspect(now.row_xid):
            return "both sides altered the table since the branch point"
        names = dict.fromkeys((*self._pairing.key, *self._pairing.compared))
        reasons = (self._why_not_column(then, now, name) for name in names)
        return next((reason for reason in reasons if reason is not None), None)

    def _why_not_column(self, then: Relation, now: Relation, name: str) -> str | None:
        """Why equal bytes of this column need not print alike; None if they do."""
        was, is_now = then.attributes[name], now.attributes[name]
        if was.number != is_now.number:
            return f"column {name} was dropped and made again"
        if was.type != is_now.type and not {was.type, is_now.type} <= _CHARACTERS:
            return f"column {name} has another type"
        if was.missing != is_now.missing:
            return f"column {name} was added with another default"
        printing = self._ancestry.then.printing(was.type)
        if was.virtual or is_now.virtual or printing is None:
            return f"what column {name} prints depends on more than the row"
        if was.type == is_now.type and printing != self._ancestry.now.printing(is_now.type):
            return f"the type of column {name} was altered"
        return None

    def _bucket_method(self) -> Method:
        return "key" if self._pairing.key else "multiset"

    def _use_buckets(self, reason: str) -> None:
        self._refuse(reason)
        without = "" if self._pairing.key else "; no key is there on both sides"
        self._reasons.setdefault(self._bucket_method(), reason + without)

    def _refuse(self, reason: str) -> None:
        if self._forced is not None:
            raise NotComparedError(f"cannot be compared by {self._forced}: {reason}")

    def _worst(self, otherwise: Method) -> tuple[Method, str]:
        """The least good method in use, and why."""
        method = next((method for method in _WORST_FIRST if method in self._reasons), otherwise)
        return method, self._reasons.get(method, "")


def _others(relations: Iterable[Relation], oids: Collection[int]) -> tuple[Relation, ...]:
    return tuple(relation for relation in relations if relation.oid not in oids)
