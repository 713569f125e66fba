"""Statements of SQL that make an object, from its properties."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from warubi_tui.diff.quoting import identifier, literal
from warubi_tui.diff.schema.kinds import own_name
from warubi_tui.diff.schema.naming import name_of, table_of, word_of
from warubi_tui.postgres.objects.model import SchemaObject

BESIDES: Final = frozenset({"owner", "grants", "comment"})
"""Properties that are told the same way for all kinds, after these statements."""


def _table(one: SchemaObject, columns: Sequence[SchemaObject]) -> Iterator[str]:
    facts = one.facts
    kind = "unlogged table" if facts.get("kind", "").startswith("unlogged") else one.kind.replace("_", " ")
    after = [
        f" {clause} {value}" if clause else f" {value}"
        for clause, value in (
            ("OF", facts.get("of_type")),
            ("INHERITS", _enclosed(facts.get("inherits"))),
            ("PARTITION BY", facts.get("partition_key")),
            ("SERVER", facts.get("server")),
            ("OPTIONS", _enclosed(facts.get("foreign_options"))),
            ("USING", facts.get("access_method")),
            ("WITH", _enclosed(facts.get("options"))),
            ("TABLESPACE", facts.get("tablespace")),
        )
        if value is not None
    ]
    yield f"CREATE {kind.upper()} {name_of(one)} ("
    yield from _listed([_column(column) for column in columns])
    yield f"){''.join(after)};"
    if "primary_key" in facts:
        name = identifier(facts["primary_key_name"])
        yield f"ALTER TABLE {name_of(one)} ADD CONSTRAINT {name} PRIMARY KEY ({facts['primary_key']});"
    if "primary_key_comment" in facts:
        yield f"COMMENT ON PRIMARY KEY OF {name_of(one)} IS {literal(facts['primary_key_comment'])};"
    if "partition_of" in facts:
        bounds = facts.get("bounds", "")
        yield f"ALTER TABLE {facts['partition_of']} ATTACH PARTITION {name_of(one)} {bounds};"
    if "row_security" in facts:
        yield f"ALTER TABLE {name_of(one)} ROW LEVEL SECURITY {facts['row_security'].upper()};"
    if "replica_identity" in facts:
        yield f"ALTER TABLE {name_of(one)} REPLICA IDENTITY {facts['replica_identity']};"


def _column(one: SchemaObject) -> str:
    clauses = [
        f"{clause} {value}".strip()
        for clause, value in (
            ("", one.facts.get("type")),
            ("STORAGE", one.facts.get("storage")),
            ("COMPRESSION", one.facts.get("compression")),
            ("COLLATE", one.facts.get("collation")),
            ("OPTIONS", _enclosed(one.facts.get("foreign_options"))),
            ("", _default(one.facts.get("default"))),
            ("GENERATED ALWAYS AS", one.facts.get("generated")),
            ("", "NOT NULL" if one.facts.get("nullability") == "NOT NULL" else None),
        )
        if value is not None
    ]
    return " ".join([identifier(own_name(one)), *clauses])


def _default(expression: str | None) -> str | None:
    if expression is None or expression.startswith("GENERATED "):
        return expression
    return f"DEFAULT {expression}"


def _view(one: SchemaObject, _: Sequence[SchemaObject]) -> Iterator[str]:
    options = f" WITH ({one.facts['options']})" if "options" in one.facts else ""
    yield f"CREATE {word_of(one)} {name_of(one)}{options} AS"
    yield _definition(one)


def _type(one: SchemaObject, parts: Sequence[SchemaObject]) -> Iterator[str]:
    kind = one.facts.get("kind")
    if kind == "composite":
        yield f"CREATE TYPE {name_of(one)} AS ("
        yield from _listed([_column(part) for part in parts])
        yield ");"
    elif kind == "enum":
        yield f"CREATE TYPE {name_of(one)} AS ENUM ("
        yield from _listed([literal(own_name(part)) for part in parts])
        yield ");"
    else:
        form = " AS RANGE" if kind == "range" else ""
        yield f"CREATE TYPE {name_of(one)}{form} ({one.facts.get('definition', '')});"


def _domain(one: SchemaObject, _: Sequence[SchemaObject]) -> Iterator[str]:
    yield f"CREATE DOMAIN {name_of(one)} AS"
    collation = one.facts.get("collation")
    yield f"    {one.facts['type']}{f' COLLATE {collation}' if collation else ''}"
    for clause in (
        _default(one.facts.get("default")),
        one.facts["nullability"],
        one.facts.get("constraints"),
    ):
        if clause is not None:
            yield f"    {clause}"
    yield ";"


def _routine(one: SchemaObject, _: Sequence[SchemaObject]) -> Iterator[str]:
    facts = one.facts
    yield f"CREATE {word_of(one)} {name_of(one)}"
    yield f"    ({facts.get('arguments', '')}){' RETURNS ' + facts['result'] if 'result' in facts else ''}"
    if "definition" in facts:
        yield f"    ({facts['definition']})"
    about = ("window", "volatility", "strictness", "security", "leakproof", "parallel", "cost", "rows")
    traits = [f"LANGUAGE {facts['language']}"] if "language" in facts else []
    traits += [facts[trait] for trait in about if trait in facts]
    traits += [f"SUPPORT {facts['support']}"] if "support" in facts else []
    traits += [f"SET {facts['settings']}"] if "settings" in facts else []
    yield f"    {' '.join(traits)}"
    if "body" in facts:
        yield "    AS"
        yield facts["body"]
    yield ";"


def _sequence(one: SchemaObject, _: Sequence[SchemaObject]) -> Iterator[str]:
    unlogged = "UNLOGGED " if "kind" in one.facts else ""
    owned = f" OWNED BY {one.facts['owned_by']}" if "owned_by" in one.facts else ""
    yield f"CREATE {unlogged}SEQUENCE {name_of(one)} {_definition(one)}{owned};"


def _extension(one: SchemaObject, _: Sequence[SchemaObject]) -> Iterator[str]:
    schema, version = identifier(one.facts["schema"]), literal(one.facts["version"])
    yield f"CREATE EXTENSION {name_of(one)} WITH SCHEMA {schema} VERSION {version};"


def _default_privileges(one: SchemaObject, _: Sequence[SchemaObject]) -> Iterator[str]:
    schema = f" IN SCHEMA {identifier(one.schema)}" if one.schema else ""
    for grant in one.facts.get("grants", "").split("; "):
        role, _colon, rights = grant.partition(": ")
        yield f"ALTER DEFAULT PRIVILEGES {own_name(one)}{schema} GRANT {rights} TO {role};"


def other(one: SchemaObject, _: Sequence[SchemaObject]) -> Iterator[str]:
    told = [
        value if fact == "definition" else f"{fact} {value}"
        for fact, value in one.facts.items()
        if fact not in BESIDES
    ]
    details = f" ({'; '.join(told)})" if told else ""
    yield f"CREATE {word_of(one)} {name_of(one)}{details};"


def _constraint(one: SchemaObject) -> Iterator[str]:
    valid = "" if one.facts["validity"] == "valid" else " NOT VALID"
    name = identifier(own_name(one))
    yield f"ALTER TABLE {table_of(one)} ADD CONSTRAINT {name} {_definition(one)}{valid};"


def _index(one: SchemaObject) -> Iterator[str]:
    unique = "UNIQUE " if _definition(one).startswith("UNIQUE ") else ""
    definition = _definition(one).removeprefix("UNIQUE ")
    yield f"CREATE {unique}INDEX {identifier(own_name(one))} ON {table_of(one)} {definition};"
    for fact in ("validity", "clustered", "tablespace", "statistics"):
        if one.facts.get(fact, "valid") != "valid":
            yield f"-- index {identifier(own_name(one))}: {fact} {one.facts[fact]}"


def _fired(one: SchemaObject) -> Iterator[str]:
    name = identifier(own_name(one))
    yield f"CREATE {word_of(one)} {name} {_definition(one).rstrip(';')};"
    if one.facts["firing"] != "enabled":
        yield f"ALTER TABLE {table_of(one)} {word_of(one)} {name} {one.facts['firing'].upper()};"


def _policy(one: SchemaObject) -> Iterator[str]:
    facts = one.facts
    rules = "".join(
        f" {clause} ({facts[fact]})"
        for clause, fact in (("USING", "using"), ("WITH CHECK", "check"))
        if fact in facts
    )
    yield (
        f"CREATE POLICY {identifier(own_name(one))} ON {table_of(one)} AS {facts['mode']}"
        f" FOR {facts['command']} TO {facts.get('roles', '')}{rules};"
    )


def _statistics(one: SchemaObject) -> Iterator[str]:
    yield f"CREATE STATISTICS {name_of(one)} {_definition(one)};"
    if "target" in one.facts:
        yield f"ALTER STATISTICS {name_of(one)} SET STATISTICS {one.facts['target']};"


def _column_traits(one: SchemaObject) -> Iterator[str]:
    for fact, clause in (("statistics", "SET STATISTICS"), ("options", "SET")):
        if fact in one.facts:
            name = identifier(own_name(one))
            yield f"ALTER TABLE {table_of(one)} ALTER COLUMN {name} {clause} {one.facts[fact]};"


def _view_column(one: SchemaObject) -> Iterator[str]:
    if "default" in one.facts:
        name = identifier(own_name(one))
        yield f"ALTER VIEW {table_of(one)} ALTER COLUMN {name} SET {_default(one.facts['default'])};"
    yield from _column_traits(one)


def _definition(one: SchemaObject) -> str:
    """Empty where it was dropped while it was read."""
    return one.facts.get("definition", "")


def _enclosed(text: str | None) -> str | None:
    return None if text is None else f"({text})"


def _listed(items: Sequence[str]) -> Iterator[str]:
    for item in items[:-1]:
        yield f"    {item},"
    yield from (f"    {item}" for item in items[-1:])


HEADS: Final[dict[str, Callable[[SchemaObject, Sequence[SchemaObject]], Iterator[str]]]] = {
    "table": _table,
    "foreign_table": _table,
    "view": _view,
    "materialized_view": _view,
    "type": _type,
    "domain": _domain,
    "function": _routine,
    "procedure": _routine,
    "aggregate": _routine,
    "sequence": _sequence,
    "extension": _extension,
    "default_privileges": _default_privileges,
}
"""Statements that make what stands for itself, from it and what is inside of it."""

PARTS: Final[dict[str, Callable[[SchemaObject], Iterator[str]]]] = {
    "column": _column_traits,
    "view_column": _view_column,
    "constraint": _constraint,
    "index": _index,
    "trigger": _fired,
    "rule": _fired,
    "policy": _policy,
    "statistics": _statistics,
}
"""Statements that make what belongs to a table; what is inside of its own statement is not told again."""
