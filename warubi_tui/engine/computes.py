"""What a compute is asked to be."""

from dataclasses import dataclass

from warubi_tui.engine import clock
from warubi_tui.engine.names import new_id
from warubi_tui.engine.store import EndpointRow


@dataclass(frozen=True)
class ComputeWish:
    """The properties of an endpoint that a caller chooses.

    Sizes (in Neon's compute units) are kept and shown; a compute here takes what PostgreSQL takes.
    `suspend_timeout_seconds` is Neon's: 0 the default, -1 never.
    """

    type: str = "read_write"
    name: str | None = None
    min_cu: float = 0.25
    max_cu: float = 0.25
    suspend_timeout_seconds: int = 0
    disabled: bool = False


def new_endpoint(branch_id: str, port: int, wish: ComputeWish) -> EndpointRow:
    """A record for a compute that is to be started, unless it is disabled."""
    moment = clock.now()
    return EndpointRow(
        id=new_id("ep"),
        branch=branch_id,
        port=port,
        wanted=int(not wish.disabled),
        created_at=moment,
        updated_at=moment,
        started_at=None,
        suspended_at=None,
        last_active=None,
        type=wish.type,
        name=wish.name,
        min_cu=wish.min_cu,
        max_cu=wish.max_cu,
        suspend_timeout_seconds=wish.suspend_timeout_seconds,
        disabled=int(wish.disabled),
    )
