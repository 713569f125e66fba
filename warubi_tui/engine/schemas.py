"""What a branch's databases look like, now or at a moment of the past, and how two of them differ."""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from warubi_tui.engine.building import Building
from warubi_tui.engine.clusters import ClusterError
from warubi_tui.engine.dumping import Address, Json, NoSuchDatabaseError, dump_schema, read_tables
from warubi_tui.engine.failures import ApiError
from warubi_tui.engine.points import Point
from warubi_tui.engine.servers import ServerError


class Schemas(Building):
    """The verbs that describe what a branch holds."""

    def schema(self, point: Point, database: str) -> str:
        """The SQL of a database's schema. Raises ApiError 404, 422 outside the window, 423, 500."""
        with self.readable(point) as address:
            return dump_schema(self.site, address, database)

    def tables(self, point: Point, database: str) -> list[Json]:
        """The tables as objects of Neon's `BranchSchemaJSON`. Raises ApiError 404, 422, 423, 500."""
        with self.readable(point) as address:
            return read_tables(address, database)

    def compare_schema(self, point: Point, base: Point, database: str) -> str:
        """What `point` adds (`+`) to `base` and lacks of it (`-`), as a unified diff; empty where equal.

        Raises:
            ApiError: 404, 422 outside the window, 423, 500.
        """
        before, after = (self.schema(one, database).splitlines(keepends=True) for one in (base, point))
        return "".join(difflib.unified_diff(before, after, f"a/{database}", f"b/{database}"))

    @contextmanager
    def readable(self, point: Point) -> Iterator[Address]:
        """A server that shows the branch in this state, while the block runs.

        Raises:
            ApiError: 404, 422 outside the window, 423; 500 what a program or server in the block says.
        """
        try:
            if point.at is None and point.lsn is None:
                with self.jobs.claim(shared=[point.branch_id]):
                    timeline = self.branch(point.branch_id).timeline
                    with self.running(timeline):
                        yield Address(self.site.socket(timeline), self.servers.port(timeline))
            else:
                with self.time_travel.open(point.branch_id, at=point.at, lsn=point.lsn) as server:
                    yield Address(server.socket, server.port)
        except NoSuchDatabaseError as error:
            raise ApiError(404, f"database {str(error)!r} not found") from error
        except (ClusterError, ServerError, psycopg.Error) as error:
            raise ApiError(500, f"branch {point.branch_id} cannot be read: {error}") from error
