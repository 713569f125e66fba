"""One database with something of everything, for all tests of this folder."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.diff.conftest import Server
from tests.diff.databases import run
from tests.diff.schema.base import BASE, prepare, schema_of
from warubi_tui.postgres.objects.model import DatabaseSchema


@pytest.fixture(scope="module")
def base(postgres: Server) -> Iterator[str]:
    """Its URI; tests leave it as it is."""
    uri = postgres.create_database("base")
    prepare(uri, BASE)
    yield uri
    run(postgres.uri(), f'DROP DATABASE "{uri.rsplit("/", 1)[1]}" WITH (FORCE)')


@pytest.fixture(scope="module")
def before(base: str) -> DatabaseSchema:
    """Its schema."""
    return asyncio.run(schema_of(base))
