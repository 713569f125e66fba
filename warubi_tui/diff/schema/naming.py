"""What SQL calls an object: the words for its kind, and its name with quotes where they are due."""

from typing import Final

from warubi_tui.diff.quoting import identifier
from warubi_tui.diff.schema.kinds import own_name
from warubi_tui.postgres.objects.model import SchemaObject

_WORDS: Final = {
    "view_column": "COLUMN",
    "attribute": "COLUMN",
    "foreign_server": "SERVER",
}
"""What SQL calls a kind, where that is not its own name in capitals."""

ON_TABLE: Final = frozenset({"constraint", "trigger", "rule", "policy"})
"""What has a name that counts within its table only."""


_PRINTED: Final = frozenset(
    {
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
        "user_mapping",
        "default_privileges",
    }
)
"""Kinds whose names PostgreSQL has put in quotes already; of statistics, those in another schema."""


def name_of(one: SchemaObject) -> str:
    """Its name in a statement; without its table where SQL says that apart."""
    if one.kind in {"column", "view_column", "attribute"}:
        return f"{table_of(one)}.{identifier(own_name(one))}"
    if one.kind in {"function", "procedure", "aggregate"}:
        name, _, arguments = own_name(one).partition("(")
        return f"{identifier(one.schema)}.{identifier(name)}({arguments}"
    if one.kind in _PRINTED or (one.kind == "statistics" and "." in own_name(one)):
        return own_name(one)
    if one.schema and one.kind not in ON_TABLE:
        return f"{identifier(one.schema)}.{identifier(own_name(one))}"
    return identifier(own_name(one))


def table_of(one: SchemaObject) -> str:
    """The name of the table, view or type that it belongs to."""
    return f"{identifier(one.schema)}.{identifier(one.relation)}"


def word_of(one: SchemaObject) -> str:
    """Its kind."""
    return _WORDS.get(one.kind, one.kind.replace("_", " ").upper())
