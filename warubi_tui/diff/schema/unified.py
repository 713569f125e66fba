"""The difference of two schemas as text, as Neon's `compare_schema` gives it."""

from difflib import unified_diff

from warubi_tui.diff.schema.render import render
from warubi_tui.postgres.objects.model import DatabaseSchema
from warubi_tui.text import clean


def unified(then: DatabaseSchema, now: DatabaseSchema) -> str:
    """Both schemas as SQL, as a unified diff: `-` was there then only, `+` is there now only.

    Every line is safe to draw. Empty where the texts are equal. Unlike the list of changes, the text knows
    the order of columns, and what is called otherwise is removed and added.
    """
    unknown = then.unknown_kinds | now.unknown_kinds
    before, after = (render(schema, without=unknown) for schema in (then, now))
    lines = unified_diff(before, after, f"a/{then.database}", f"b/{now.database}", lineterm="")
    return "".join(f"{clean(line.expandtabs())}\n" for line in lines)
