"""The shop: its tables, its daily business, and the bad afternoon."""

import asyncio
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Final

from warubi_tui.errors import WarubiError
from warubi_tui.recovery.verify import Digests, database_digests
from warubi_tui.secret import Secret

if TYPE_CHECKING:
    import psycopg

TABLES: Final = (
    "customers", "addresses", "products", "orders", "order_lines", "payments", "stock_movements", "audit",
)  # fmt: skip

_OPEN: Final = 4711
"""The advisory lock that every sale holds, shared."""


@dataclass(frozen=True)
class Accident:
    """A transaction that did harm.

    Attributes:
        committed_at: its commit time, to the microsecond, UTC.
        before: the digests of every table in the state just before it.
        statements: what was run.
    """

    committed_at: datetime
    before: Digests
    statements: tuple[str, ...]


def create_shop(uri: Secret) -> bool:
    """Makes the shop's tables and fills them. False where they are there already."""
    with _connect(uri) as connection:
        row = connection.execute("SELECT to_regclass('public.order_lines') IS NOT NULL").fetchone()
        if row is not None and row[0]:
            return False
        with connection.transaction():
            connection.execute(resources.files(__package__).joinpath("shop.sql").read_bytes())
    return True


def do_business(uri: Secret, stop: threading.Event, *, pause_seconds: float = 0.0) -> int:
    """Sells, packs and ships until `stop` is set; returns how many transactions that were.

    A connection that ends (a restart, a restore in place) is made anew.
    """
    done = 0
    dice = random.SystemRandom()
    while not stop.is_set():
        try:
            with _connect(uri) as connection:
                while not stop.wait(pause_seconds):
                    with connection.transaction():
                        connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_OPEN,))
                        _one_transaction(connection, dice)
                    done += 1
        except WarubiError:
            stop.wait(0.2)
    return done


def _one_transaction(connection: "psycopg.Connection[tuple[object, ...]]", dice: random.SystemRandom) -> None:
    deed = dice.random()
    if deed < 0.5:
        connection.execute(_SELL, {"products": [dice.randint(1, 120) for _ in range(dice.randint(1, 3))]})
    elif deed < 0.85:
        connection.execute(_PROCEED)
    elif deed < 0.95:
        connection.execute(_PAY)
    else:
        connection.execute(_RESTOCK, (dice.randint(1, 120), dice.randint(5, 40)))


_SELL = """
WITH who AS (SELECT id FROM customers OFFSET floor(random() * (SELECT count(*) FROM customers)) LIMIT 1),
     sold AS (INSERT INTO orders (customer_id, address_id)
              SELECT who.id, (SELECT id FROM addresses WHERE customer_id = who.id LIMIT 1) FROM who
              RETURNING id),
     lines AS (INSERT INTO order_lines (order_id, line, product_id, quantity, unit_price)
               SELECT sold.id, row_number() OVER (), p.id, 1 + floor(random() * 3)::int, p.price
               FROM sold, products p WHERE p.id = ANY(%(products)s) RETURNING product_id, quantity)
INSERT INTO stock_movements (product_id, quantity, reason) SELECT product_id, -quantity, 'sold' FROM lines
"""
_PROCEED = """
UPDATE orders SET state = (enum_range(state, NULL))[2]
WHERE id = (SELECT id FROM orders WHERE state NOT IN ('delivered', 'returned') ORDER BY placed_at DESC LIMIT 1
            FOR UPDATE SKIP LOCKED)
"""
_PAY = """
INSERT INTO payments (order_id, amount, method)
SELECT o.id, sum(l.total), 'card' FROM orders o JOIN order_lines l ON l.order_id = o.id
WHERE o.id = (SELECT id FROM orders ORDER BY placed_at DESC LIMIT 1) GROUP BY o.id
"""
_RESTOCK = "INSERT INTO stock_movements (product_id, quantity, reason) VALUES (%s, %s, 'delivery')"

_HARM: Final = (
    "UPDATE products SET price = 0.99, updated_at = now()",
    "DELETE FROM customers WHERE id % 3 = 0",
)


def cause_accident(uri: Secret) -> Accident:
    """Runs an UPDATE without WHERE and a DELETE that cascades, in one transaction, while the shop is open.

    Other writers are locked out first, so that `before` is exactly the state the transaction found and the
    commit before it is the state to go back to. Sellers wait at one lock, before they hold any other:
    locking the tables alone could deadlock with them.
    """
    with _connect(uri) as connection:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_OPEN,))
            connection.execute(f"LOCK TABLE {', '.join(TABLES)} IN SHARE ROW EXCLUSIVE MODE")
            before = asyncio.run(database_digests(uri))
            for statement in _HARM:
                connection.execute(statement)
            row = connection.execute("SELECT pg_current_xact_id()::xid").fetchone()
            assert row is not None
        committed = connection.execute("SELECT pg_xact_commit_timestamp(%s)", (row[0],)).fetchone()
    assert committed is not None
    assert isinstance(committed[0], datetime)
    return Accident(committed[0], before, _HARM)


def harm_of(uri: Secret) -> list[str]:
    """What of the accident's harm is in the shop now, in words; nothing when it is repaired.

    Raises:
        WarubiError: the shop cannot be read.
    """
    with _connect(uri) as connection:
        row = connection.execute(
            "SELECT NOT EXISTS (SELECT FROM customers WHERE id % 3 = 0),"
            " NOT EXISTS (SELECT FROM products WHERE price <> 0.99)"
        ).fetchone()
    assert row is not None
    words = ("every third customer cannot log in", "everything costs 99 cents")
    return [said for said, holds in zip(words, row, strict=True) if holds]


def changed_tables(before: Digests, after: Digests) -> Mapping[str, bool]:
    """For each table of the shop, whether its rows differ between two states."""
    return {
        ".".join(name): before.get(name) != after.get(name) for name in sorted(before.keys() | after.keys())
    }


@contextmanager
def _connect(uri: Secret) -> "Iterator[psycopg.Connection[tuple[object, ...]]]":
    import psycopg

    from warubi_tui.postgres.session import translate

    try:
        with psycopg.connect(
            uri.reveal(),
            autocommit=True,
            connect_timeout=10,
            options="-c timezone=UTC",
            application_name="shop",
        ) as connection:
            yield connection
    except psycopg.Error as error:
        raise translate(error) from error
