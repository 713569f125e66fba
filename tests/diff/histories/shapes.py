"""Random tables: types, keys, generated columns, partitions; and SQL that makes values for them."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

TYPES: Final = """
CREATE TYPE mood AS ENUM ('sad', 'happy', 'it''s');
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE DOMAIN shout AS text;
CREATE TYPE pair AS (a int, b text);
"""
"""What a database needs before a table of this module can be made in it."""

# How a value is made of the number n: many for a key, few and nearly equal ones for the rest.
KEY_VALUES: Final = {
    "int2": "(n)::int2",
    "int4": "(n - 50)::int4",
    "int8": "(n * 4000000007)::int8",
    "numeric": "n::numeric * 1.5",
    "float8": "n::float8 / 3",
    "text": "'k' || chr(32 + n % 90) || n",
    "varchar(9)": "('v' || n)::varchar(9)",
    "char(6)": "to_hex(n)::char(6)",
    "uuid": "md5(n::text)::uuid",
    "date": "'2024-02-20'::date + n::int",
    "timestamptz": "'2024-10-27 00:30Z'::timestamptz + n * interval '30 min'",
    "bytea": r"decode(lpad(to_hex(n), 8, '0'), 'hex')",
    "inet": "'10.0.0.0'::inet + n",
    "posint": "(n + 1)::int",
    "shout": "upper('d' || n)",
    "jsonb": "jsonb_build_object('a', n)",
    "text[]": "ARRAY['x', n::text]",
    "int4range": "int4range(n::int, n::int + 2)",
}
VALUES: Final = {
    "int4": ["0", "1", "-1", "2147483647", "-2147483648"],
    "int8": ["0", "9223372036854775807", "-9223372036854775808"],
    "numeric": ["0", "1.0", "1.00", "NaN", "Infinity", "1e-20", "123456789012345678901"],
    "numeric(8,2)": ["0", "1.5"],
    "float4": ["0", "-0", "0.1", "0.10000001"],
    "float8": ["0", "-0", "0.1", "NaN", "-Infinity", "1e-300"],
    "text": ["", " ", "a", "A", "\\N", "\\", "\t", "a\nb", "NULL", '"', "ü", "🦉", "%s", "\x01"],
    "varchar(4)": ["", "a", "a ", "ab"],
    "char(3)": ["", "a", "ab"],
    "bool": ["t", "f"],
    "timestamptz": ["2024-01-01 00:00Z", "2024-01-01 00:00:00.000001Z", "infinity", "0001-01-01 BC"],
    "date": ["2024-02-29", "-infinity", "4713-01-01 BC"],
    "interval": ["1 day", "24 hours", "1 month", "30 days"],
    "jsonb": ["null", "1.0", "1.00", '{"a": 1, "b": 2}', '{"b":2,"a":1}', "[true, false]"],
    "json": ["null", "1.0", '{"a":1,"a":2}', '{"a": 1}', "[ ]"],
    "text[]": ["{}", "{NULL}", '{"NULL"}', "[0:0]={a}", "{{a,b},{c,d}}"],
    "bytea": ["\\x", "\\x00", "\\xdeadbeef"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "inet": ["10.0.0.1", "10.0.0.1/24", "::1"],
    "numrange": ["empty", "[1,2)", "[1.0,2)", "(,)"],
    "tstzmultirange": ["{}", "{[2024-01-01 00:00Z,2024-01-02 00:00Z)}"],
    "money": ["1.50", "-2"],
    "point": ["(0,0)", "(-0,0)", "(1,2)"],
    "tsvector": ["a:1", "a:2", ""],
    "bit varying": ["", "0", "00"],
    "mood": ["sad", "happy", "it's"],
    "posint": ["1", "2"],
    "pair": ["(1,)", '(1,"")', "(,)"],
    "pair[]": ["{}", '{"(1,a)"}'],
    "regclass": ["pg_class", "pg_type"],
}  # fmt: skip
LONG: Final = {
    "text": "(SELECT string_agg(md5(n::text || i), '') FROM generate_series(1, 120) i)",
    "bytea": "(SELECT string_agg(sha256((n::text || i)::bytea), '') FROM generate_series(1, 120) i)",
}
"""Values that are stored out of line."""


@dataclass
class Shape:
    """A table. It has the name `name` all its life."""

    name: str
    key: dict[str, str]
    """Name to type. Empty: without a key."""
    key_is_primary: bool
    columns: dict[str, str]
    """Name to type, of the others that hold data."""
    generated: dict[str, str] = field(default_factory=dict)
    partitions: tuple[str, ...] = ()

    def writable(self) -> dict[str, str]:
        """Every column that takes values."""
        return self.key | self.columns


def random_shape(random: Random, name: str, *, major: int) -> Shape:
    """A table to be."""
    key = {
        f"k{place}": random.choice(sorted(KEY_VALUES))
        for place in range(random.choices((0, 1, 2), weights=(3, 6, 3))[0])
    }
    columns = {
        f"c{place}": random.choice(sorted(VALUES)) for place in range(random.randint(0 if key else 1, 4))
    }
    generated = {}
    if random.random() < 0.3:
        kind = random.choice(("STORED", "VIRTUAL")) if major >= 18 else "STORED"
        generated["g"] = f"int GENERATED ALWAYS AS (7 * {random.randint(1, 2)}) {kind}"
    partitions: tuple[str, ...] = ()
    if key and random.random() < 0.2:
        partitions = tuple(f"{name}_p{part}" for part in range(random.randint(1, 3)))
    return Shape(name, key, random.random() < 0.7, columns, generated, partitions)


def create(shape: Shape, random: Random) -> list[str]:
    """Statements that make the table."""
    parts = [f"dropped_before int{random.choice(('', ' DEFAULT 1'))}"] if random.random() < 0.2 else []
    dropped = bool(parts)
    parts += [
        f"{name} {kind}{' NOT NULL' if name in shape.key else ''}" for name, kind in shape.writable().items()
    ]
    parts += [f"{name} {kind}" for name, kind in shape.generated.items()]
    key = ", ".join(shape.key)
    if shape.key:
        parts.append(f"{'PRIMARY KEY' if shape.key_is_primary else 'UNIQUE'} ({key})")
    ending = f" WITH (fillfactor = {random.choice((20, 70, 100))})"
    statements = []
    if shape.partitions:
        by = next(iter(shape.key))
        statements.append(f"CREATE TABLE {shape.name} ({', '.join(parts)}) PARTITION BY HASH ({by})")
        count = len(shape.partitions)
        for place, part in enumerate(shape.partitions):
            statements.append(
                f"CREATE TABLE {part} PARTITION OF {shape.name}"
                f" FOR VALUES WITH (MODULUS {count}, REMAINDER {place}){ending}"
            )
    else:
        statements.append(f"CREATE TABLE {shape.name} ({', '.join(parts)}){ending}")
    if dropped:
        statements.append(f"ALTER TABLE {shape.name} DROP dropped_before")
    return statements


def value(kind: str, random: Random, *, key: bool) -> str:
    """An SQL expression of a value of this type, in which n is a number."""
    if key:
        return KEY_VALUES[kind]
    if kind in LONG and random.random() < 0.25:
        return LONG[kind]
    some = random.sample(VALUES[kind], random.randint(1, min(3, len(VALUES[kind]))))
    array = ", ".join("NULL" if random.random() < 0.1 else quoted(one) for one in some)
    return f"((ARRAY[{array}]::text[])[1 + n % {len(some)}])::{kind}"


def quoted(text: str) -> str:
    """A literal."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
