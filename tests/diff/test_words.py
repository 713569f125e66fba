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
        (
            SchemaChange("column_renamed", "public", "log", "at", "at", "logged_at"),
            "~ column renamed: public.log.at: is logged_at now; values are compared under each name",
        ),
        (
            SchemaChange("index_validity", "public", "log", None, "valid", "invalid", "log_at"),
            "~ index validity: log_at on public.log: was valid, is invalid now",
        ),
        (
            SchemaChange("function_added", "public", now="text", name="f(integer)"),
            "+ function added: public.f(integer): text",
        ),
        (SchemaChange("schema_removed", "", name="shop"), "- schema removed: shop"),
        (
            SchemaChange("attribute_type", "public", "", "zip", "text", "integer", "address"),
            "~ attribute type: public.address.zip: was text, is integer now",
        ),
        (
            SchemaChange("enum_value_renamed", "public", "", None, "ok", "fine", "mood"),
            "~ enum value renamed: public.mood: ok is fine now",
        ),
        (
            SchemaChange("sequence_went_back", "public", then="50", name="ids"),
            "~ sequence went back: public.ids: was at 50, has given out nothing now: values come again",
        ),
        (
            SchemaChange("default_privileges_added", "shop", now="a: SELECT", name="of b on tables"),
            "+ default privileges added: of b on tables in shop: a: SELECT",
        ),
        (
            SchemaChange(
                "table_grants", "public", "log", None, "a: SELECT; b: INSERT", "a: SELECT; c: INSERT"
            ),
            "~ table grants: public.log: was b: INSERT, is c: INSERT now",
        ),
        (
            SchemaChange("function_body", "public", "", None, "x" * 70 + "1", "x" * 70 + "2", "f()"),
            f"~ function body: public.f(): was …{'x' * 58}1, is …{'x' * 58}2 now",
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
