"""A schema as text: SQL of everything in it, made from the catalog, the same for equal schemas.

To be read and compared, and near enough to what makes such a schema; not a dump to restore from.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from warubi_tui.diff.quoting import identifier, literal
from warubi_tui.diff.schema.kinds import ON_RELATIONS
from warubi_tui.diff.schema.naming import ON_TABLE, name_of, table_of, word_of
from warubi_tui.diff.schema.pairing import order_of, split
from warubi_tui.diff.schema.statements import HEADS, PARTS, other
from warubi_tui.postgres.objects.model import DatabaseSchema, SchemaObject

_INSIDE: Final = ("column", "view_column", "attribute", "enum_value")
"""What is told inside the statement that makes a table or a type."""

Key = tuple[int, str, str, str]
"""Says which block is which, and sorts them as the list of changes is."""


def render(schema: DatabaseSchema, *, without: Collection[str] = ()) -> dict[Key, list[str]]:
    """Lines of SQL in blocks, one for each object with all that belongs to it; the last line is blank.

    Args:
        without: kinds to leave out.
    """
    heads, parts = split(one for one in schema.objects if one.kind not in without)
    return {
        (*order_of(head), head.kind): [*_block(head, parts[head.place] if head.relation else []), ""]
        for head in heads
    }


def _block(head: SchemaObject, parts: Sequence[SchemaObject]) -> list[str]:
    lines = [*HEADS.get(head.kind, other)(head, [one for one in parts if one.kind in _INSIDE])]
    lines += _besides(head)
    for kind in (*_INSIDE, *ON_RELATIONS[1:]):
        for one in parts:
            if one.kind == kind:
                lines += PARTS[kind](one) if kind in PARTS else ()
                lines += _besides(one)
    return [piece for line in lines for piece in line.split("\n")]


def _besides(one: SchemaObject) -> Iterator[str]:
    """Owner, rights and comment, which most kinds have."""
    name = name_of(one)
    if one.kind in ON_TABLE:
        name = f"{name} ON {table_of(one)}"
    if "owner" in one.facts:
        yield f"ALTER {word_of(one)} {name} OWNER TO {identifier(one.facts['owner'])};"
    if "grants" in one.facts and one.kind != "default_privileges":
        for grant in one.facts["grants"].split("; "):
            role, _, rights = grant.partition(": ")
            yield f"GRANT {rights} ON {word_of(one)} {name} TO {role};"
    if "comment" in one.facts:
        yield f"COMMENT ON {word_of(one)} {name} IS {literal(one.facts['comment'])};"
    if one.kind == "materialized_view":
        for fact in ("populated", "access_method", "tablespace"):
            if fact in one.facts:
                yield f"-- {fact}: {one.facts[fact]}"
