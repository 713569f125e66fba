"""Names and values as a person would write them in SQL: printable, and read back as what they were."""

import re
from collections.abc import Callable
from typing import Final

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)

# Words that cannot always stand bare, of PostgreSQL 18: those of pg_get_keywords() with catcode other than U.
_KEYWORD_TEXT: Final = """
    all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean
    both case cast char character check coalesce collate collation column concurrently constraint create
    cross current_catalog current_date current_role current_schema current_time current_timestamp
    current_user dec decimal default deferrable desc distinct do else end except exists extract false
    fetch float for foreign freeze from full grant greatest group grouping having ilike in initially
    inner inout int integer intersect interval into is isnull join json json_array json_arrayagg
    json_exists json_object json_objectagg json_query json_scalar json_serialize json_table json_value
    lateral leading least left like limit localtime localtimestamp merge_action national natural nchar
    none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay
    placing position precision primary real references returning right row select session_user setof
    similar smallint some substring symmetric system_user table tablesample then time timestamp to
    trailing treat trim true union unique user using values varchar variadic verbose when where window
    with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
    xmlserialize xmltable
"""
_KEYWORDS: Final = frozenset(_KEYWORD_TEXT.split())


def identifier(name: str) -> str:
    """A name of the catalog; in quotes where it needs them, with escapes where it does not print."""
    if _PLAIN.fullmatch(name) and name not in _KEYWORDS:
        return name
    quoted = name.replace('"', '""')
    if name.isprintable():
        return f'"{quoted}"'
    escaped = _escape(quoted.replace("\\", "\\\\"), lambda code: f"\\+{code:06X}")
    return f'U&"{escaped}"'


def literal(value: str) -> str:
    """A text constant, for whatever `standard_conforming_strings` is."""
    quoted = value.replace("'", "''")
    if "\\" not in quoted and quoted.isprintable():
        return f"'{quoted}'"
    escaped = _escape(quoted.replace("\\", "\\\\"), lambda code: f"\\U{code:08X}")
    return f"E'{escaped}'"


def _escape(text: str, escape: Callable[[int], str]) -> str:
    return "".join(char if char.isprintable() else escape(ord(char)) for char in text)
