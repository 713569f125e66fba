"""Stories played on a cluster and its copy."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg

from tests.diff.histories.clusters import Cluster, Fork, copied
from tests.diff.histories.shapes import TYPES
from tests.diff.histories.stories import AUTOCOMMIT, Step, Story

_GUARDS = "-c lock_timeout=8ms -c client_min_messages=error"


class Player:
    """Plays steps on one cluster. Sessions other than the shared one belong to a story."""

    def __init__(self, cluster: Cluster, databases: Mapping[str, str], stack: ExitStack) -> None:
        self._cluster = cluster
        self._databases = databases
        self._stack = stack
        self._sessions: dict[str, psycopg.Connection] = {}
        self.failed: list[tuple[Step, str]] = []

    def play(self, story: Story, steps: Sequence[Step]) -> None:
        """Does what can be done: a step that the server refuses is part of the story."""
        for step in steps:
            session = self._session(story, step)
            try:
                session.execute(step.sql.encode())
            except psycopg.OperationalError as error:
                if session.closed:
                    raise
                self._failed(step, session, error)
            except psycopg.Error as error:
                self._failed(step, session, error)

    def _failed(self, step: Step, session: psycopg.Connection, error: psycopg.Error) -> None:
        self.failed.append((step, str(error)))

    def _session(self, story: Story, step: Step) -> psycopg.Connection:
        database = self._databases[story.table]
        owner = database if step.session == AUTOCOMMIT else f"{story.table} {step.session}"
        if owner not in self._sessions:
            self._sessions[owner] = self._stack.enter_context(
                psycopg.connect(self._cluster.uri(database), autocommit=True, options=_GUARDS)
            )
        return self._sessions[owner]


@dataclass(frozen=True)
class World:
    """A cluster, its copy (which is `then`), and what each of them did."""

    original: Cluster
    fork: Fork
    places: Mapping[str, str]
    """Table → the database it is in."""
    players: tuple[Player, Player]

    def databases(self) -> list[tuple[str, str]]:
        """The URIs of every database, of the copy and of the original."""
        names = sorted(set(self.places.values()))
        return [(self.fork.copy.uri(name), self.original.uri(name)) for name in names]


@contextmanager
def played(
    template: Cluster, stories: Sequence[Story], *, running: bool, frozen: bool = False
) -> Iterator[World]:
    """A world in which the stories happened, side by side.

    Args:
        running: whether the cluster is copied as it runs: transactions that are open then go on in the
            original. Otherwise it is stopped before, which aborts them in both.
        frozen: whether the copy stays in recovery; nothing happens on it then.
    """
    # VACUUM removes nothing that an older open transaction of the same database may see: those that stay
    # open are in a database of their own, and of the others those that are open at the fork go on first.
    stories = sorted(stories, key=lambda story: not story.spans)
    places = {story.table: "lingering" if story.lingers else "ending" for story in stories}
    with ExitStack() as stack:
        original = stack.enter_context(copied(template, "original"))
        original.run(TYPES, database="template1")
        original.run(*(f"CREATE DATABASE {name}" for name in sorted(set(places.values()))))
        for story in stories:
            original.run(*story.made, database=places[story.table])
        with ExitStack() as sessions:
            player = Player(original, places, sessions)
            for story in stories:
                player.play(story, story.before)
            if not running:
                sessions.close()
                player = Player(original, places, stack)
            fork = original.fork_running("copy", frozen=frozen) if running else original.fork_stopped("copy")
            stack.callback(fork.copy.remove)
            copyist = Player(fork.copy, places, stack)
            for story in stories:
                player.play(story, story.on_original)
                if not frozen:
                    copyist.play(story, story.on_copy)
            yield World(original, fork, places, (player, copyist))
