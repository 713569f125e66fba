"""Where the histories of two databases part: what the control plane knows and the servers do not."""

from dataclasses import dataclass

from warubi_tui.lsn import Lsn


@dataclass(frozen=True, slots=True)
class Lineage:
    """Both sides hold one history up to a position, and went on from it each on its own or not at all."""

    fork_lsn: Lsn
    """The last position that both have in common."""
    next_xid: int | None = None
    """The first transaction id (64 bit) not yet assigned at `fork_lsn`, where the control plane says so.

    Too low a number only costs comparisons of contents; too high a one would be wrong.
    """
    then_frozen: bool = False
    """Whether `then` is read by a server that has written nothing since `fork_lsn` and is in recovery."""
