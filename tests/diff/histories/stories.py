"""Random histories of one table: before its cluster is copied, then on the original, then on the copy."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from tests.diff.histories.shapes import Shape, create, random_shape, value

AUTOCOMMIT: Final = 0
"""The session whose every statement is a transaction; the others are inside one."""


class Step(NamedTuple):
    """One statement in one session. It may fail: another session has a lock, a key is taken."""

    session: int
    sql: str


@dataclass
class Story:
    """What happens to one table."""

    seed: int
    shape: Shape
    made: list[str]
    before: list[Step] = field(default_factory=list)
    on_original: list[Step] = field(default_factory=list)
    on_copy: list[Step] = field(default_factory=list)

    @property
    def table(self) -> str:
        return self.shape.name

    @property
    def spans(self) -> bool:
        """Whether a transaction of it is open or prepared at the fork."""
        return bool(unended(self.before))

    @property
    def lingers(self) -> bool:
        """Whether a transaction of it is open or prepared on the original in the end."""
        return bool(unended([*self.before, *self.on_original]))


def unended(steps: Sequence[Step]) -> set[int | str]:
    """The sessions that are in a transaction after these steps, and the transactions that are prepared."""
    found: set[int | str] = set()
    for session, sql in steps:
        words = sql.split()
        match words:
            case ["BEGIN"]:
                found.add(session)
            case ["COMMIT" | "ROLLBACK"]:
                found.discard(session)
            case ["PREPARE", "TRANSACTION", name]:
                found.discard(session)
                found.add(name)
            case ["COMMIT" | "ROLLBACK", "PREPARED", name]:
                found.discard(name)
            case _:
                pass
    return found


def tell(seed: int, *, major: int) -> Story:
    """The story that belongs to this number."""
    random = Random(seed)
    shape = random_shape(random, f"t{seed}", major=major)
    story = Story(seed, shape, create(shape, random))
    author = _Author(random, deepcopy(shape))
    for _ in range(random.randint(1, 3)):
        author.insert(random.choice((1, 8, 60, 200)))
    author.write_some(random.randint(0, 3))
    author.leave_some_open()
    story.before = author.take()
    other = _Author(random, deepcopy(author.shape), author.unresolved)
    author.go_on(random.randint(0, 4))
    story.on_original = author.take()
    other.go_on_as_copy()
    story.on_copy = other.take()
    return story


class _Author:
    def __init__(self, random: Random, shape: Shape, unresolved: tuple[str, ...] = ()) -> None:
        self.shape = shape
        self.unresolved = unresolved
        """Transactions that are prepared."""
        self._random = random
        self._steps: list[Step] = []
        self._open: list[int] = []
        self._names = 0

    def take(self) -> list[Step]:
        steps, self._steps = self._steps, []
        return steps

    def _say(self, *statements: str, session: int = AUTOCOMMIT) -> None:
        self._steps += [Step(session, statement) for statement in statements]

    def _name(self, word: str) -> str:
        self._names += 1
        return f"{word}_{self.shape.name}_{self._names}"

    def _some(self) -> str:
        """A condition that picks rows by their place, the same whenever it is asked."""
        salt, part = self._random.randrange(1000), self._random.choice((1, 2, 3, 7, 20))
        return f"(hashtext(ctid::text || '{salt}') & 65535) % {part} = 0"

    def _values(self, columns: dict[str, str]) -> list[str]:
        return [value(kind, self._random, key=name in self.shape.key) for name, kind in columns.items()]

    # Changes of rows

    def insert(self, rows: int, session: int = AUTOCOMMIT) -> None:
        names = ", ".join(self.shape.writable())
        first = self._random.choice((1, 1, self._random.randrange(400)))
        self._say(
            f"INSERT INTO {self.shape.name} ({names})"
            f" SELECT {', '.join(self._values(self.shape.writable()))}"
            f" FROM generate_series({first}, {first + rows - 1}) n ON CONFLICT DO NOTHING",
            session=session,
        )

    def _update(self, session: int) -> None:
        columns = self.shape.columns or self.shape.key
        name = self._random.choice(sorted(columns))
        new = value(columns[name], self._random, key=name in self.shape.key)
        number = f"hashtext(ctid::text) & 15{' + 500' if name in self.shape.key else ''}"
        self._say(
            f"UPDATE {self.shape.name} SET {name} = s.new"
            f" FROM (SELECT tableoid AS part, ctid AS place, {new} AS new"
            f" FROM (SELECT tableoid, ctid, {number} AS n FROM {self.shape.name}"
            f" WHERE {self._some()}) picked) s WHERE tableoid = s.part AND ctid = s.place",
            session=session,
        )

    def _update_to_the_same(self, session: int) -> None:
        name = self._random.choice(sorted(self.shape.writable()))
        self._say(f"UPDATE {self.shape.name} SET {name} = {name} WHERE {self._some()}", session=session)

    def _delete(self, session: int) -> None:
        self._say(f"DELETE FROM {self.shape.name} WHERE {self._some()}", session=session)

    def _replace(self, session: int) -> None:
        names = ", ".join(self.shape.writable())
        self._say(
            f"WITH gone AS (DELETE FROM {self.shape.name} WHERE {self._some()} RETURNING *)"
            f" INSERT INTO {self.shape.name} ({names}) SELECT {names} FROM gone",
            session=session,
        )

    def _lock(self, session: int) -> None:
        strength = self._random.choice(("UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"))
        query = f"SELECT 1 FROM {self.shape.name} WHERE {self._some()} FOR {strength} SKIP LOCKED"
        self._say(query, session=session)

    def _write(self, session: int) -> None:
        changes = [self._insert_some, self._update, self._update, self._update_to_the_same]
        changes += [self._delete, self._replace, self._lock]
        self._random.choice(changes)(session)

    def _insert_some(self, session: int) -> None:
        self.insert(self._random.choice((1, 5, 40)), session)

    def _transaction(self, session: int) -> None:
        """Writes in a transaction that stays open."""
        self._say("BEGIN", session=session)
        for _ in range(self._random.randint(1, 3)):
            match self._random.randrange(4):
                case 0:
                    self._say("SAVEPOINT s", session=session)
                    self._write(session)
                    self._say(self._random.choice(("ROLLBACK TO s", "RELEASE s")), session=session)
                case _:
                    self._write(session)

    # What happens between

    def write_some(self, times: int) -> None:
        happenings = (self._autocommit, self._autocommit, self._short, self._maintain, self._burn)
        for _ in range(times):
            self._random.choice(happenings)()

    def _autocommit(self) -> None:
        self._write(AUTOCOMMIT)

    def _short(self) -> None:
        self._transaction(1)
        self._say(self._random.choice(("COMMIT", "COMMIT", "ROLLBACK")), session=1)

    def _burn(self) -> None:
        count = self._random.choice((1, 30))
        self._say(
            f"DO $$ BEGIN FOR i IN 1..{count} LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
        )

    def _maintain(self) -> None:
        table = self.shape.name
        self._say(self._random.choice((f"VACUUM {table}", f"VACUUM FREEZE {table}", f"ANALYZE {table}")))

    def leave_some_open(self) -> None:
        """Transactions that are open or prepared when the cluster is copied."""
        for session in range(2, 2 + self._random.choice((0, 0, 1, 2))):
            self._transaction(session)
            self._open.append(session)
            if self._random.random() < 0.3:
                # What it removes may be vacuumed once it has ended, and its rows' places be used again.
                self._random.choice((self._autocommit, self._burn))()
        if self._random.random() < 0.4:
            name = self._name("x")
            self._transaction(1)
            self._say(f"PREPARE TRANSACTION '{name}'", session=1)
            self.unresolved += (name,)

    def _end_open(self) -> None:
        for session in self._open:
            if self._random.random() < 0.5:
                self._write(session)
            self._say(self._random.choice(("COMMIT", "COMMIT", "ROLLBACK")), session=session)
        self._open.clear()

    def _end_prepared(self) -> None:
        for name in self.unresolved:
            self._say(f"{self._random.choice(('COMMIT', 'ROLLBACK'))} PREPARED '{name}'")
        self.unresolved = ()

    def go_on(self, times: int) -> None:
        """What happens to the original."""
        random = self._random
        if random.random() < 0.7:
            self._end_open()
            if random.random() < 0.5:
                self._maintain()
        if random.random() < 0.7:
            self._end_prepared()
        for _ in range(times):
            self.write_some(1)
            if random.random() < 0.2:
                self._rebuild()
        if random.random() < 0.3:
            self._end_open()
        if random.random() < 0.2:
            self._transaction(4)
            self._open.append(4)

    def go_on_as_copy(self) -> None:
        """What happens to the copy: mostly nothing."""
        if self._random.random() < 0.5:
            self._end_prepared()
        if self._random.random() < 0.25:
            self.write_some(self._random.randint(1, 3))
            if self._random.random() < 0.2:
                self._rebuild()

    # Changes of the table and its files

    def _rebuild(self) -> None:
        changes: list[Callable[[], None]] = [
            self._truncate,
            self._vacuum_full,
            self._add_column,
            self._drop_column,
            self._rename_column,
            self._change_type,
            self._unlog,
        ]
        changes.append(self._repartition if self.shape.partitions else self._cluster)
        self._random.choice(changes)()

    def _truncate(self) -> None:
        kept = self._name("kept")
        table, names = self.shape.name, ", ".join(self.shape.writable())
        if self._random.random() < 0.5:
            self._say(f"CREATE TEMP TABLE {kept} AS SELECT {names} FROM {table} WHERE {self._some()}")
            self._say(f"TRUNCATE {table}", f"INSERT INTO {table} ({names}) SELECT {names} FROM {kept}")
        else:
            self._say(f"TRUNCATE {table}")
            self.insert(20)

    def _vacuum_full(self) -> None:
        self._say(f"VACUUM {self._random.choice(('(FULL)', '(FULL, FREEZE)'))} {self.shape.name}")

    def _cluster(self) -> None:
        index = self._name("i")
        name = self._random.choice(sorted(self.shape.writable()))
        self._say(
            f"CREATE INDEX {index} ON {self.shape.name} ({name})", f"CLUSTER {self.shape.name} USING {index}"
        )

    def _add_column(self) -> None:
        name = self._name("new")
        default = self._random.choice(("", " DEFAULT 7", " DEFAULT floor(random() * 3)"))
        self._say(f"ALTER TABLE {self.shape.name} ADD {name} int{default}")

    def _drop_column(self) -> None:
        if len(self.shape.columns) < 2:
            return
        name = self._random.choice(sorted(self.shape.columns))
        self._say(f"ALTER TABLE {self.shape.name} DROP {name}")
        kind = self.shape.columns.pop(name)
        if self._random.random() < 0.6:
            default = f" DEFAULT {value(kind, self._random, key=False).replace('n % ', '1 % ')}"
            default = "" if "SELECT" in default else default
            self._say(f"ALTER TABLE {self.shape.name} ADD {name} {kind}{default}")
            self.shape.columns[name] = kind

    def _rename_column(self) -> None:
        if len(self.shape.columns) < 2:
            return
        name, new = self._random.choice(sorted(self.shape.columns)), self._name("renamed")
        self._say(f"ALTER TABLE {self.shape.name} RENAME {name} TO {new}")
        self.shape.columns[new] = self.shape.columns.pop(name)

    def _change_type(self) -> None:
        wider = {"int4": "int8", "varchar(4)": "text", "numeric(8,2)": "numeric", "char(3)": "text"}
        known = self.shape.columns
        name = self._random.choice(sorted(known)) if known else None
        if name is not None:
            new = known[name] = wider.get(known[name], "text")
            self._say(f"ALTER TABLE {self.shape.name} ALTER {name} TYPE {new} USING {name}::{new}")

    def _unlog(self) -> None:
        if not self.shape.partitions:
            table = self.shape.name
            self._say(f"ALTER TABLE {table} SET UNLOGGED", f"ALTER TABLE {table} SET LOGGED")

    def _repartition(self) -> None:
        table, part = self.shape.name, self._random.choice(self.shape.partitions)
        place, count = self.shape.partitions.index(part), len(self.shape.partitions)
        bounds = f"FOR VALUES WITH (MODULUS {count}, REMAINDER {place})"
        match self._random.randrange(3):
            case 0:
                self._say(f"ALTER TABLE {table} DETACH PARTITION {part}")
                self._say(f"UPDATE {part} SET {next(iter(self.shape.key))} = {next(iter(self.shape.key))}")
                self._say(f"ALTER TABLE {table} ATTACH PARTITION {part} {bounds}")
            case 1:
                self._say(f"ALTER TABLE {table} DETACH PARTITION {part}", f"DROP TABLE {part}")
                self._say(f"CREATE TABLE {part} PARTITION OF {table} {bounds}")
                self.insert(30)
            case _:
                self._say(f"TRUNCATE {part}")
