import pytest

from warubi_tui.diff.model import SchemaChange
from warubi_tui.diff.words import schema_words


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (SchemaChange("table_removed", "public", "audit", then="table"), "- table removed: public.audit"),
        (
            SchemaChange("table_added", "public", "sums", now="materialized view"),
            "+ table added: public.sums: materialized view",
        ),
        (
            SchemaChange("table_kind", "public", "log", None, "table", "unlogged table"),
            "~ table kind: public.log: was table, is unlogged table now",
        ),
        (
            SchemaChange("primary_key", "public", "log", None, "id", None),
            "~ primary key: public.log: was id, is none now",
        ),
        (
            SchemaChange("column_added", "public", "log", "at", None, "date"),
            "+ column added: public.log.at: date",
        ),
        (
            SchemaChange("column_nullability", "public", "log", "at", "NOT NULL", "NULL"),
            "~ column nullability: public.log.at: was NOT NULL, is nullable now",
        ),
        (
            SchemaChange("column_default", "public", "log", "at", None, "now()"),
            "~ column default: public.log.at: was no default, is now() now",
        ),
    ],
)
def test_a_change_is_said_in_words(change: SchemaChange, said: str) -> None:
    assert schema_words(change) == said


def test_names_and_values_cannot_command_the_terminal() -> None:
    change = SchemaChange("column_default", "public", "a\x1b[31m", "b", "\x1b]2;x", "y" * 500)
    said = schema_words(change)
    assert "\x1b" not in said
    assert len(said) < 200
