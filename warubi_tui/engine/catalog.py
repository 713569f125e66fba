"""Roles and databases: what the engine's records say and what the clusters hold, kept equal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warubi_tui.engine import clock
from warubi_tui.engine.edge.scram import read_verifier
from warubi_tui.engine.servers import Servers
from warubi_tui.engine.store import DatabaseRow, RoleRow, Transaction

OWNER_ROLE = "neondb_owner"
FIRST_DATABASE = "neondb"

_MEMBER = "neon_superuser"
_CHECKPOINT_XID = """
SELECT (split_part(next_xid, ':', 1)::int8 << 32) + split_part(next_xid, ':', 2)::int8
  FROM pg_control_checkpoint()
"""
_VERIFIERS = "SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin AND NOT rolsuper ORDER BY rolname"
_ATTRIBUTES = sql.SQL("LOGIN INHERIT CREATEDB CREATEROLE BYPASSRLS REPLICATION")


@dataclass(frozen=True)
class Inventory:
    """What a cluster holds: login roles that are no superusers, databases with their owners, bytes in all.

    `checkpoint_xid` (64 bit) is the transaction id that was to be assigned next at its last checkpoint. A
    cluster that just came out of recovery has assigned none since: recovery ends with a checkpoint, before
    anybody is let in (xlog.c, PerformRecoveryXLogAction).
    """

    roles: Sequence[str]
    databases: Mapping[str, str]
    logical_size: int
    checkpoint_xid: int


class Catalog:
    """Changes and reads roles and databases of running servers."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def furnish(self, timeline: str, role: str, password: str, database: str) -> None:
        """Makes a new cluster like a new Neon project: `neon_superuser`, a first role, a first database."""
        with self._servers.session(timeline) as session:
            session.execute(
                sql.SQL("CREATE ROLE {} NOLOGIN CREATEDB CREATEROLE BYPASSRLS REPLICATION").format(
                    sql.Identifier(_MEMBER)
                )
            )
            granted = "pg_read_all_data, pg_write_all_data, pg_monitor, pg_signal_backend"
            session.execute(f"GRANT {granted} TO {_MEMBER} WITH ADMIN OPTION")
        self.create_role(timeline, role, password)
        self.create_database(timeline, database, role)

    def create_role(self, timeline: str, name: str, password: str) -> None:
        """A login role with Neon's rights: not a superuser, member of `neon_superuser`."""
        statement = sql.SQL("CREATE ROLE {} {} IN ROLE {} PASSWORD {}").format(
            sql.Identifier(name), _ATTRIBUTES, sql.Identifier(_MEMBER), sql.Literal(password)
        )
        with self._servers.session(timeline) as session:
            session.execute(statement)

    def set_password(self, timeline: str, name: str, password: str) -> None:
        with self._servers.session(timeline) as session:
            session.execute(_password_change(name, password))

    def drop_role(self, timeline: str, name: str) -> None:
        with self._servers.session(timeline) as session:
            session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))

    def create_database(self, timeline: str, name: str, owner: str) -> None:
        statement = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner))
        with self._servers.session(timeline) as session:
            session.execute(statement)

    def change_database(self, timeline: str, name: str, new_name: str, owner: str) -> None:
        """Gives a database an owner and a name; under a new name nobody is connected to it."""
        before, after = sql.Identifier(name), sql.Identifier(new_name)
        with self._servers.session(timeline) as session:
            session.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(before, sql.Identifier(owner)))
            if new_name != name:
                session.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", (name,)
                )
                session.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(before, after))

    def drop_database(self, timeline: str, name: str) -> None:
        with self._servers.session(timeline) as session:
            session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def take_inventory(self, timeline: str) -> Inventory:
        """What a running server holds."""
        with self._servers.session(timeline) as session:
            return _inventory(session)

    def settle(self, timeline: str, passwords: Mapping[str, str]) -> Inventory:
        """Gives the roles of a new cluster these passwords, where it has others; returns what it holds."""
        with self._servers.session(timeline) as session:
            inventory = _inventory(session)
            for role, stored in session.execute(_VERIFIERS).fetchall():
                verifier = read_verifier(stored)
                if passwords.get(role) and not (verifier and verifier.fits(passwords[role])):
                    session.execute(_password_change(role, passwords[role]))
            return inventory


def _password_change(role: str, password: str) -> sql.Composed:
    return sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(password))


def _inventory(session: psycopg.Connection) -> Inventory:
    roles = session.execute(
        "SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper ORDER BY rolname"
    ).fetchall()
    databases = session.execute(
        "SELECT datname, pg_get_userbyid(datdba), pg_database_size(oid) FROM pg_database"
        " WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres' ORDER BY datname"
    ).fetchall()
    checkpoint = session.execute(_CHECKPOINT_XID).fetchone()
    assert checkpoint is not None
    return Inventory(
        roles=[row[0] for row in roles],
        databases={row[0]: row[1] for row in databases},
        logical_size=sum(row[2] for row in databases),
        checkpoint_xid=checkpoint[0],
    )


def copy_records(tx: Transaction, source: str, target: str) -> None:
    """Gives the branch `target` the role and database records of `source`."""
    for role in tx.all(RoleRow, branch=source):
        tx.insert(RoleRow(target, role.name, role.password, role.protected, role.created_at, role.updated_at))
    for row in tx.all(DatabaseRow, branch=source):
        tx.insert(DatabaseRow(None, target, row.name, row.owner_name, row.created_at, row.updated_at))


def set_passwords(tx: Transaction, branch: str, passwords: Mapping[str, str]) -> None:
    """Makes the records of a branch's roles say these passwords."""
    for role, password in passwords.items():
        tx.update(RoleRow, {"password": password}, branch=branch, name=role)


def record_inventory(
    tx: Transaction, branch: str, inventory: Inventory, passwords: Mapping[str, str]
) -> None:
    """Makes a branch's records say what its cluster holds. An unknown password (a role made by SQL) is ''."""
    moment = clock.now()
    known_roles = {row.name for row in tx.all(RoleRow, branch=branch)}
    for name in known_roles - set(inventory.roles):
        tx.delete(RoleRow, branch=branch, name=name)
    for name in set(inventory.roles) - known_roles:
        tx.insert(RoleRow(branch, name, passwords.get(name, ""), 0, moment, moment))
    known_databases = {row.name: row.owner_name for row in tx.all(DatabaseRow, branch=branch)}
    for name in known_databases.keys() - inventory.databases.keys():
        tx.delete(DatabaseRow, branch=branch, name=name)
    for name, owner in inventory.databases.items():
        if name not in known_databases:
            tx.insert(DatabaseRow(None, branch, name, owner, moment, moment))
        elif known_databases[name] != owner:
            tx.update(DatabaseRow, {"owner_name": owner, "updated_at": moment}, branch=branch, name=name)
