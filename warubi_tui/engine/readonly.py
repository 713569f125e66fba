"""What the engine's read-only servers have in common."""

from dataclasses import dataclass
from pathlib import Path

from warubi_tui.engine.clusters import standby_floors
from warubi_tui.engine.site import Site
from warubi_tui.engine.targets import Target


@dataclass(frozen=True)
class ReadOnlyServer:
    """A server that refuses writing: the folder of its Unix socket, the port in the socket's name, its state.

    `lsn` is the position that names the state it shows.
    """

    socket: Path
    port: int
    lsn: int


def standby_settings(site: Site, target: Target) -> dict[str, str]:
    """Settings of every standby that starts from the target's base and replays its history.

    Limits are those the base and the newest timeline of the history were run with, whichever is higher.

    Raises:
        ClusterError: a control file is damaged.
    """
    newest = target.spans[0].timeline
    clusters = [site.bases(target.base.timeline) / target.base.id]
    if site.data(newest.id).exists():
        clusters.append(site.data(newest.id))
    floors: dict[str, int] = {}
    for cluster in clusters:
        for name, value in standby_floors(site, cluster).items():
            floors[name] = max(value, floors.get(name, 0))
    return {name: str(value) for name, value in floors.items()} | {
        "archive_mode": "off",
        "autovacuum": "off",
        "fsync": "off",
        "hot_standby": "on",
        "recovery_target_timeline": str(newest.tli),
    }
