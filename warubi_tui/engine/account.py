"""Which operating-system user runs PostgreSQL: it refuses to run as root."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict


class Identity(TypedDict, total=False):
    """Arguments for `subprocess.Popen`; empty where the engine's own user is used."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """The user and group PostgreSQL runs as. `switch` says whether that is another user than the engine's."""

    uid: int
    gid: int
    switch: bool

    def identity(self) -> Identity:
        """What a child process needs to become this user (not allowed, and not needed, unless root)."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Gives `path` to this user."""
        if self.switch:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def make_folder(self, folder: Path) -> Path:
        """Creates `folder` with mode 0700, owned by this user. Returns it."""
        folder.mkdir(mode=0o700, exist_ok=True)
        self.own(folder)
        return folder


def choose_account(timelines: Path) -> Account:
    """The engine's own user, or where that is root: the owner of `timelines` if it exists and is not root,
    else the first that exists of `$WARUBI_PG_USER`, `warubi`, `postgres`, `nobody`.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    if timelines.exists() and (owner := timelines.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, switch=True)
    for name in (os.environ.get("WARUBI_PG_USER"), "warubi", "postgres", "nobody"):
        if not name:
            continue
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, switch=True)
    return Account(65534, 65534, switch=True)
