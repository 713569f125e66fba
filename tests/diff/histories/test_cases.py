"""Histories that a comparison by physical rows gets wrong first, on a cluster and a copy of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import psycopg
import pytest

from tests.diff.histories.cases import FIRST, LATER, LINGERING, REWRITTEN_ALIKE, Case
from tests.diff.histories.clusters import Cluster
from tests.diff.histories.judging import FORCED, Said, check, compare, look
from tests.diff.histories.worlds import played
from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.model import Method

_RUNNING = (*FIRST, *LATER, *LINGERING)
_STOPPED = (*REWRITTEN_ALIKE, *FIRST)
_CASES = [pytest.param(True, case, id=case.name) for case in _RUNNING]
_CASES += [pytest.param(False, case, id=f"{case.name}_stopped") for case in _STOPPED]


@dataclass(frozen=True)
class Verdict:
    """What is said of the table of a case by each method and by default (None)."""

    then: str
    now: str
    said: dict[Method | None, Said]
    unknown: Said
    """By default, where the control plane does not tell the horizon."""


def verdicts(
    stack: ExitStack, template: Cluster, cases: tuple[Case, ...], *, running: bool
) -> dict[str, Verdict]:
    world = stack.enter_context(played(template, [case.story() for case in cases], running=running))
    assert [failed for player in world.players for failed in player.failed] == []
    lineage = Lineage(world.fork.lsn, world.fork.next_xid)
    methods: tuple[Method | None, ...] = (None, *FORCED)
    found = {}
    for then, now in world.databases():
        said = {method: compare(then, now, lineage=lineage, method=method) for method in methods}
        unknown = compare(then, now, lineage=replace(lineage, next_xid=None))
        for name in unknown:
            found[name] = Verdict(then, now, {m: about[name] for m, about in said.items()}, unknown[name])
    return found


@pytest.fixture(scope="module")
def worlds(template: Cluster) -> Iterator[dict[bool, dict[str, Verdict]]]:
    """By whether the cluster was copied as it ran."""
    with ExitStack() as stack:
        yield {
            running: verdicts(stack, template, cases, running=running)
            for running, cases in ((True, _RUNNING), (False, _STOPPED))
        }


@pytest.mark.parametrize(("running", "case"), _CASES)
def test_rows(worlds: dict[bool, dict[str, Verdict]], running: bool, case: Case) -> None:
    verdict = worlds[running][case.name]
    if case.premise is not None:
        assert answer(verdict.then, case.sql(case.premise)) == answer(verdict.now, case.sql(case.premise))
    if case.proves is not None:
        assert answer(verdict.now, case.sql(case.proves)) is True
    chosen = verdict.said[None].table
    assert (chosen.removed, chosen.added, chosen.changed) == case.differences
    seen = look(verdict.then, verdict.now, [case.name])
    for method, said in verdict.said.items():
        check(seen, {case.name: said}, forced=method)
    check(seen, {case.name: verdict.unknown})


@pytest.mark.parametrize(("running", "case"), _CASES)
def test_method(worlds: dict[bool, dict[str, Verdict]], running: bool, case: Case) -> None:
    chosen = worlds[running][case.name].said[None].table
    assert (chosen.method == "headers", bool(chosen.why)) == (case.headers, not case.headers)


def test_copy_that_stays_in_recovery(template: Cluster) -> None:
    """As Neon's read-only endpoints do. The copy itself says which transactions are older than it."""
    cases = [case for case in _RUNNING if not case.copy]
    with played(template, [case.story() for case in cases], running=True, frozen=True) as world:
        said: dict[str, Said] = {}
        for then, now in world.databases():
            about = compare(then, now, lineage=Lineage(world.fork.lsn, then_frozen=True))
            here = {case.name: about[case.name] for case in cases if case.name in about}
            check(look(then, now, here), here)
            said |= here
        for case in cases:
            table = said[case.name].table
            assert (table.removed, table.added, table.changed) == case.differences, case.name
            assert (table.method == "headers") == case.headers, (case.name, table.why)


def answer(uri: str, query: str) -> object:
    with psycopg.connect(uri) as session:
        row = session.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]
