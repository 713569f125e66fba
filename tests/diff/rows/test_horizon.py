"""The horizon is never too high, and there is none without proof."""

from dataclasses import replace

import pytest

from warubi_tui.diff.lineage import Lineage
from warubi_tui.diff.rows.horizon import Horizon, find_horizon
from warubi_tui.diff.rows.physical import Physical
from warubi_tui.lsn import Lsn

FORK = Lsn(0x5000000)
SIDE = Physical(
    system=1,
    database=5,
    block_bytes=8192,
    snapshot_end=100_000,
    in_recovery=False,
    neon=False,
    checkpoint=None,
    relations={},
    children={},
    types={},
)
UNKNOWN = "it is not known which transactions are older than the branch point"


def checkpoint(redo: int, own: int, next_xid: int, *, neon: bool = False) -> Physical:
    return replace(SIDE, checkpoint=(redo, own, next_xid), neon=neon)


def test_what_the_control_plane_says() -> None:
    assert find_horizon(SIDE, SIDE, Lineage(FORK, 900)) == Horizon(900)


def test_nothing_is_known_of_strangers() -> None:
    assert find_horizon(SIDE, SIDE, None) == "it is not known where the two histories part"
    assert find_horizon(SIDE, SIDE, Lineage(FORK)) == UNKNOWN


def test_a_frozen_copy_knows_by_its_snapshot_if_it_is_in_recovery() -> None:
    lineage = Lineage(FORK, then_frozen=True)
    assert find_horizon(replace(SIDE, snapshot_end=700, in_recovery=True), SIDE, lineage) == Horizon(700)
    assert find_horizon(replace(SIDE, snapshot_end=700), SIDE, lineage) == UNKNOWN
    assert find_horizon(SIDE, replace(SIDE, in_recovery=True), lineage) == UNKNOWN


@pytest.mark.parametrize("header", [0, 24, 40])
def test_a_checkpoint_at_the_fork_is_exact(header: int) -> None:
    side = checkpoint(FORK + header, FORK + header, 950)
    assert find_horizon(side, SIDE, Lineage(FORK)) == Horizon(950)
    assert find_horizon(SIDE, side, Lineage(FORK)) == Horizon(950)


def test_a_later_checkpoint_counts_for_what_can_have_been_assigned_since() -> None:
    side = checkpoint(FORK + 4000, FORK + 8001, 50_000)
    assert find_horizon(side, SIDE, Lineage(FORK)) == Horizon(50_000 - 2001 - 1024)


def test_a_checkpoint_that_began_at_the_fork_counts_from_its_end() -> None:
    """Its next transaction is read after its redo position was fixed."""
    side = checkpoint(FORK, FORK + 4000, 50_000)
    assert find_horizon(side, SIDE, Lineage(FORK)) == Horizon(50_000 - 1000 - 1024)


def test_every_start_of_a_compute_may_have_rounded_up() -> None:
    side = checkpoint(FORK + 3200, FORK + 3200, 500_000, neon=True)
    assert find_horizon(side, SIDE, Lineage(FORK)) == Horizon(500_000 - 800 - 1024 - 101 * 1024)


def test_a_checkpoint_before_the_fork_says_nothing() -> None:
    assert find_horizon(checkpoint(FORK - 8, FORK + 4000, 900), SIDE, Lineage(FORK)) == UNKNOWN


def test_so_much_was_written_that_no_transaction_is_surely_older() -> None:
    assert find_horizon(checkpoint(FORK + 8_000_000, FORK + 8_000_000, 900), SIDE, Lineage(FORK)) == UNKNOWN


def test_the_greatest_of_several() -> None:
    then, now = checkpoint(FORK + 4000, FORK + 4000, 9000), checkpoint(FORK + 400, FORK + 400, 8000)
    assert find_horizon(then, now, Lineage(FORK)) == Horizon(9000 - 1000 - 1024)
    assert find_horizon(then, now, Lineage(FORK, 7500)) == Horizon(7500)


@pytest.mark.parametrize("side", [0, 1])
def test_too_many_transactions_since(side: int) -> None:
    sides = [SIDE, SIDE]
    sides[side] = replace(SIDE, snapshot_end=900 + (1 << 31))
    assert "two billion" in str(find_horizon(sides[0], sides[1], Lineage(FORK, 900)))
    sides[side] = replace(SIDE, snapshot_end=900 + (1 << 31) - (1 << 21))
    assert find_horizon(sides[0], sides[1], Lineage(FORK, 900)) == Horizon(900)


@pytest.mark.parametrize(
    ("xid", "raw", "suspect"),
    [
        (900, 899, False),
        (900, 900, True),
        (900, 901, True),
        (900, (1 << 32) - 1, False),
        ((5 << 32) + 10, 9, False),
        ((5 << 32) + 10, 10, True),
        ((5 << 32) + 10, (1 << 32) - 1, False),
        ((1 << 32) - 10, 5, True),
    ],
)
def test_ids_of_32_bits_around_the_horizon(xid: int, raw: int, suspect: bool) -> None:
    assert Horizon(xid).is_suspect(raw) is suspect
