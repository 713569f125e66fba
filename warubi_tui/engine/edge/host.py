"""What the edge asks of the engine."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from warubi_tui.lsn import Lsn


class ServerDownError(Exception):
    """No server accepts connections there at the moment: it is suspended, starting, stopping, or crashed."""


@dataclass(frozen=True)
class Place:
    """Where an endpoint's server is, or would be if it ran.

    Attributes:
        socket: the Unix socket's file.
        ready: False while the branch is being made: what runs there then is not for clients.
    """

    branch: str
    timeline: str
    socket: Path
    ready: bool


class Host(Protocol):
    """Methods block, and are called by many threads."""

    @property
    def protocol_version(self) -> int:
        """The newest version of the protocol that the servers speak, as the startup packet writes it."""
        ...

    def place(self, endpoint_id: str, /) -> Place:
        """Raises ApiError: there is no such endpoint, or nobody may connect to it."""
        ...

    def bring_up(self, endpoint_id: str, /) -> None:
        """Starts the endpoint's server, or waits a little for who is changing its branch. Call it again.

        Raises ApiError: it does not start.
        """
        ...

    def verifier(self, place: Place, role: str, /) -> str | None:
        """`pg_authid.rolpassword` of a role as it is now; None where the role or a valid password is missing.

        Raises ServerDownError.
        """
        ...

    def open_past(
        self, branch_id: str, /, *, at: datetime | None, lsn: Lsn | None
    ) -> AbstractContextManager[Path]:
        """The Unix socket of a server that shows a branch's past while the block runs.

        Raises ApiError: outside the history window.
        """
        ...
