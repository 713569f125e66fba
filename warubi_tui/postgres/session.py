"""Connections to a branch as a database: read-only by default, with settings that make output comparable."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from warubi_tui.errors import WarubiError
from warubi_tui.secret import Secret

if TYPE_CHECKING:
    import psycopg


def direct_uri(uri: Secret) -> tuple[Secret, bool]:
    """`uri` with Neon's pooled host replaced by the direct one, and whether it was pooled."""
    raise NotImplementedError


async def open_session(uri: Secret, *, read_only: bool = True, purpose: str) -> "psycopg.AsyncConnection":
    raise NotImplementedError


@asynccontextmanager
async def session(
    uri: Secret, *, read_only: bool = True, purpose: str
) -> AsyncIterator["psycopg.AsyncConnection"]:
    raise NotImplementedError
    yield


def translate(error: "psycopg.Error", *secrets: Secret) -> WarubiError:
    raise NotImplementedError
