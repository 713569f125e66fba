"""Stories played on a cluster and its copy."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psycopg

from tests.diff.histories.clusters import Cluster, Fork, copied
from tests.diff.histories.shapes import TYPES
from tests.diff.histories.stories import AUTOCOMMIT, Step, Story

_GUARDS = "-c lock_timeout=8ms -c client_min_messages=error"


class Player:
    """Plays steps on one cluster. Sessions other than the shared one belong to a story."""

    def __init__(self, cluster: Cluster, stack: ExitStack) -> None:
        self._cluster = cluster
        self._stack = stack
        self._sessions: dict[tuple[int, int], psycopg.Connection] = {}
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
        owner = (AUTOCOMMIT if step.session == AUTOCOMMIT else story.seed, step.session)
        if owner not in self._sessions:
            self._sessions[owner] = self._stack.enter_context(
                psycopg.connect(self._cluster.uri("stories"), autocommit=True, options=_GUARDS)
            )
        return self._sessions[owner]


@dataclass(frozen=True)
class World:
    """A cluster, its copy, and what each of them did: `then` is the copy."""

    original: Cluster
    fork: Fork
    players: tuple[Player, Player]

    @property
    def then(self) -> str:
        return self.fork.copy.uri("stories")

    @property
    def now(self) -> str:
        return self.original.uri("stories")


@contextmanager
def played(template: Cluster, stories: Sequence[Story], *, running: bool) -> Iterator[World]:
    """A world in which the stories happened, side by side.

    `running` says whether the cluster is copied as it runs: transactions that are open then go on in the
    original. Otherwise it is stopped before, which aborts them in both.
    """
    with ExitStack() as stack:
        original = stack.enter_context(copied(template, "original"))
        original.run("CREATE DATABASE stories")
        original.run(TYPES, database="stories")
        original.run(*(statement for story in stories for statement in story.made), database="stories")
        with ExitStack() as sessions:
            player = Player(original, sessions)
            for story in stories:
                player.play(story, story.before)
            if not running:
                sessions.close()
                player = Player(original, stack)
            fork = original.fork_running("copy") if running else original.fork_stopped("copy")
            stack.callback(fork.copy.remove)
            copyist = Player(fork.copy, stack)
            for story in stories:
                player.play(story, story.on_original)
                copyist.play(story, story.on_copy)
            yield World(original, fork, (player, copyist))
