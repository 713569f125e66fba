"""Every change of `changes.txt`, made alone, is told as it stands there, and nothing else is."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.diff.schema.base import schema_of
from warubi_tui.diff.model import SchemaChange
from warubi_tui.diff.schema.compare import compare_schemas
from warubi_tui.diff.schema.kinds import OBJECTS
from warubi_tui.diff.schema.unified import unified
from warubi_tui.diff.words import schema_words
from warubi_tui.postgres.objects.model import DatabaseSchema


def _cases() -> Iterator[tuple[str, list[str]]]:
    """SQL at the start of a line, and under it, indented, what is told of it."""
    found: list[tuple[str, list[str]]] = []
    for line in (Path(__file__).parent / "changes.txt").read_text("utf-8").splitlines():
        if line.startswith("    "):
            found[-1][1].append(line.strip())
        elif line and not line.startswith("#"):
            found.append((line, []))
    yield from found


CASES = [*_cases()]


def _mirrored(change: SchemaChange) -> tuple[str, str | None, str | None]:
    """What a change is when it is taken back."""
    opposite = {"removed": "added", "added": "removed", "attached": "detached", "detached": "attached"}
    kind, _, what = change.kind.rpartition("_")
    return f"{kind}_{opposite.get(what, what)}", change.now, change.then


@pytest.mark.parametrize(("sql", "told"), CASES, ids=[sql[:70] for sql, _ in CASES])
async def test_a_change_is_told_alone(base: str, before: DatabaseSchema, sql: str, told: list[str]) -> None:
    after = await schema_of(base, sql)
    assert (before.unknown, after.unknown) == ({}, {})

    changes = compare_schemas(before, after)
    assert [schema_words(change) for change in changes] == told
    assert all(change.kind.startswith((*OBJECTS, "primary_key", "partition_")) for change in changes)

    back = compare_schemas(after, before)
    assert Counter(map(_mirrored, back)) == Counter((one.kind, one.then, one.now) for one in changes)

    text = unified(before, after)
    assert text.startswith(f"--- a/{before.database}\n+++ b/{after.database}\n@@ ")
    assert all(line.isprintable() and line[0] in " -+@" for line in text.splitlines())


RENAMES = [sql for sql, told in CASES if any("renamed:" in line for line in told)]


@pytest.mark.parametrize("sql", RENAMES)
async def test_without_common_history_a_rename_is_one_removed_and_one_added(
    base: str, before: DatabaseSchema, sql: str
) -> None:
    after = await schema_of(base, sql)
    changes = compare_schemas(before, replace(after, system=7))
    assert changes
    assert {change.kind for change in changes if change.kind.endswith("_renamed")} <= {"primary_key_renamed"}


async def test_equal_schemas_have_no_changes(base: str, before: DatabaseSchema) -> None:
    again = await schema_of(base)
    assert len(again.objects) > 80
    assert compare_schemas(before, again) == []
    assert compare_schemas(before, replace(again, system=None)) == []
    assert unified(before, again) == ""
