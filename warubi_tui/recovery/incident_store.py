"""Incidents on disk: one 0600 file each, which outlives the screen, the process and the machine's power."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from warubi_tui import paths
from warubi_tui.errors import RefusedError, WarubiError
from warubi_tui.recovery.incident import Incident, MalformedIncidentError


@dataclass(frozen=True)
class UnreadableIncident:
    """A file in the folder that is no incident this version can read. It is left as it is."""

    path: Path
    reason: str


class IncidentStore:
    """The folder of incidents."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is `incidents` in the state directory unless given."""
        self.folder = folder if folder is not None else paths.state_dir() / "incidents"

    def save(self, incident: Incident) -> None:
        """Writes the incident, whole or not at all, and counts its revision up.

        Raises:
            RefusedError: another console saved this incident since it was loaded.
            WarubiError: the file cannot be written. Nothing must be done that was not recorded first.
        """
        path = self._path(incident.id)
        try:
            with self._locked():
                if path.exists() and self._read(path).revision != incident.revision:
                    raise RefusedError(
                        "Another console works on this incident",
                        "It saved a change after this console loaded the incident.",
                        "Open the incident again to see where it stands.",
                    )
                data = incident.to_json() | {"revision": incident.revision + 1}
                paths.write_private(path, json.dumps(data, ensure_ascii=True, indent=1) + "\n")
        except OSError as error:
            raise WarubiError(
                "The incident cannot be saved, so nothing is done",
                f"{path}: {error.strerror}",
                "Make room or fix the permissions of the folder; set WARUBI_HOME to use another one.",
                retryable=True,
            ) from error
        incident.revision += 1

    def load(self, incident_id: str) -> Incident:
        """Reads one incident.

        Raises:
            WarubiError: there is none, or its file cannot be read; the file is left as it is.
        """
        return self._read(self._path(incident_id))

    def list(self) -> tuple[list[Incident], list[UnreadableIncident]]:
        """All incidents, newest first, and the files that cannot be read."""
        incidents: list[Incident] = []
        unreadable: list[UnreadableIncident] = []
        if not self.folder.is_dir():
            return incidents, unreadable
        for path in sorted(self.folder.glob("*.json"), reverse=True):
            if path.name.startswith("."):
                continue
            try:
                incidents.append(self._read(path))
            except WarubiError as error:
                unreadable.append(UnreadableIncident(path, error.detail))
        return incidents, unreadable

    def _path(self, incident_id: str) -> Path:
        return self.folder / f"{incident_id}.json"

    def _read(self, path: Path) -> Incident:
        try:
            incident = Incident.from_json(json.loads(path.read_text(encoding="utf-8")))
            if incident.id != path.stem:
                raise MalformedIncidentError(f"it holds the incident {incident.id!r}")
        except (OSError, ValueError, RecursionError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise WarubiError(
                "An incident's file cannot be read",
                f"{path}: {reason}",
                "The file is left as it is. What was done can be seen in the list of branches.",
            ) from error
        return incident

    @contextmanager
    def _locked(self) -> Iterator[None]:
        paths.make_private(self.folder)
        handle = os.open(self.folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
