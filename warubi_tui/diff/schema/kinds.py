"""The kinds of objects: how they are called, in what order they are told, and what says most about one."""

from dataclasses import dataclass
from typing import Final

from warubi_tui.diff.model import SchemaChange
from warubi_tui.postgres.objects.model import SchemaObject

RELATIONS: Final = frozenset({"table", "view", "materialized_view", "foreign_table"})
"""What has columns, and rows or a definition of rows."""

TYPES: Final = frozenset({"type", "domain"})

ON_RELATIONS: Final = (
    "column",
    "view_column",
    "constraint",
    "index",
    "trigger",
    "rule",
    "policy",
    "statistics",
)
"""What belongs to a table or view, in the order that it is told."""

ON_TYPES: Final = ("attribute", "enum_value")
"""What belongs to a type."""

OBJECTS: Final = (
    "schema",
    "extension",
    "language",
    "type",
    "domain",
    *ON_TYPES,
    "collation",
    "table",
    "view",
    "materialized_view",
    "foreign_table",
    *ON_RELATIONS,
    "sequence",
    "function",
    "procedure",
    "aggregate",
    "cast",
    "operator",
    "operator_class",
    "operator_family",
    "conversion",
    "text_search_configuration",
    "text_search_dictionary",
    "text_search_parser",
    "text_search_template",
    "transform",
    "foreign_data_wrapper",
    "access_method",
    "event_trigger",
    "publication",
    "subscription",
    "foreign_server",
    "user_mapping",
    "default_privileges",
)
"""Every kind of object, in the order that their changes are told; tables and views go together by name."""

_SAYS_MOST: Final = {
    "column": "type",
    "attribute": "type",
    "domain": "type",
    "type": "kind",
    "extension": "version",
    "policy": "command",
    "function": "result",
    "subscription": "firing",
    "publication": "tables",
    "default_privileges": "grants",
    "foreign_server": "wrapper",
}
_SET_BACK: Final = {"validity": ("not validated", "invalid"), "firing": ("disabled",)}
"""What is worth a word about an object that is there on one side only."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a change is, in the terms of `SchemaChange`."""

    schema: str
    table: str
    column: str | None
    name: str | None

    def change(self, kind: str, then: str | None, now: str | None) -> SchemaChange:
        """The change of `kind` here."""
        return SchemaChange(kind, self.schema, self.table, self.column, then, now, self.name)


def place_of(one: SchemaObject) -> Place:
    """What a change of `one` says about where it is."""
    if one.kind in RELATIONS:
        return Place(one.schema, one.relation, None, None)
    if one.kind in {"column", "view_column"}:
        return Place(one.schema, one.relation, one.name, None)
    if one.kind in TYPES or one.kind == "enum_value":
        return Place(one.schema, "", None, one.relation)
    if one.kind == "attribute":
        return Place(one.schema, "", one.name, one.relation)
    return Place(one.schema, one.relation, None, one.name)


def is_part(one: SchemaObject) -> bool:
    """Whether it belongs to a table, view or type."""
    return one.kind in ON_RELATIONS or one.kind in ON_TYPES


def own_name(one: SchemaObject) -> str:
    """Its name without the schema."""
    return one.relation if one.name is None else one.name


def summary(one: SchemaObject) -> str | None:
    """What to say about an object that is on one side only, besides its name."""
    if one.kind == "table":
        if "partition_of" in one.facts:
            return f"partition of {attached(one)}"
        return one.facts.get("kind")
    if one.kind == "enum_value":
        return one.name
    said = one.facts.get(_SAYS_MOST.get(one.kind, "definition"))
    state = [one.facts[fact] for fact, odd in _SET_BACK.items() if one.facts.get(fact) in odd]
    return " ".join([said, *(f"({word})" for word in state)]) if said else None


def attached(one: SchemaObject) -> str | None:
    """The table that `one` is a partition of, and which rows are its own; None where it is none."""
    parent = one.facts.get("partition_of")
    return None if parent is None else f"{parent} {one.facts.get('bounds', '')}".rstrip()
