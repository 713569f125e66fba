"""Two databases to compare, on a real server."""

from collections.abc import AsyncIterator, Iterator
from typing import Protocol

import pytest

from tests.diff.databases import Comparer, Pair, run


class Server(Protocol):
    """The shared throwaway PostgreSQL."""

    def uri(self, database: str = "postgres") -> str: ...

    def create_database(self, prefix: str = "test", *, template: str = "template0") -> str: ...


@pytest.fixture
def pair(postgres: Server) -> Iterator[Pair]:
    pair = Pair(postgres.create_database("then"), postgres.create_database("now"))
    yield pair
    for uri in (pair.then, pair.now):
        run(postgres.uri(), f'DROP DATABASE "{uri.rsplit("/", 1)[1]}" WITH (FORCE)')


@pytest.fixture
async def compare(pair: Pair) -> AsyncIterator[Comparer]:
    comparer = Comparer(pair)
    yield comparer
    for diff in comparer.made:
        diff.close()
