"""`warubi demo`: an engine, a living shop and an accident; the console on it, or the recovery printed."""

import argparse
import asyncio
import json
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final

from warubi_tui import paths, timefmt
from warubi_tui.config import Target
from warubi_tui.demo.home import DemoNotes, demo_engine, read_notes, throw_away, turn, write_notes
from warubi_tui.engine.command import require_engine
from warubi_tui.engine.programs import forget_postgres_environment
from warubi_tui.errors import WarubiError
from warubi_tui.screens.terminal import require_screen

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from warubi_tui.demo.shop import Accident
    from warubi_tui.dialogs.notice import Notice
    from warubi_tui.secret import Secret

_BUSY_SECONDS: Final = 2.5


class _Teller:
    """Prints what happens, with the seconds since the start, to stderr."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._live = sys.stderr.isatty()

    def say(self, text: str) -> None:
        """One line."""
        sys.stderr.write(f"{self._erase()}{self._elapsed():6.1f} s  {text}\n")
        sys.stderr.flush()

    def waiting(self) -> None:
        """On a terminal: the running seconds."""
        if self._live:
            sys.stderr.write(f"{self._erase()}{self._elapsed():6.1f} s  …")
            sys.stderr.flush()

    def another(self) -> None:
        """Says why nothing happens for a while."""
        self.say("another demo is busy with this shop: waiting for it to finish")

    def _elapsed(self) -> float:
        return time.monotonic() - self._start

    def _erase(self) -> str:
        return "\r\x1b[K" if self._live else ""


def run(arguments: argparse.Namespace) -> int:
    """Runs the command. Headless: 0 only if main was proved equal to its state before the accident.

    Raises:
        WarubiError: a step failed.
    """
    require_engine()
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    headless = arguments.headless or not terminal
    if not headless:
        require_screen("warubi demo --headless runs the recovery by itself and prints it.")
    forget_postgres_environment()
    root = Path(arguments.dir) if arguments.dir else paths.demo_dir()
    teller = _Teller()
    if arguments.reset:
        throw_away(root)
    if headless and not arguments.headless:
        teller.say("no terminal here: the recovery runs by itself and is printed")
    teller.say(f"starting an engine on {root}: Neon's API over PostgreSQL on this machine")
    with demo_engine(root, teller.waiting) as target:
        teller.say(f"the engine serves {target.host}")
        if headless:
            with turn(root, teller.another):
                return _run_headless(root, target, teller, as_json=arguments.json)
        return _open_console(root, target, teller)


def _run_headless(root: Path, target: Target, teller: _Teller, *, as_json: bool) -> int:
    from warubi_tui.demo.story import recover

    accident = _have_accident(root, target, teller)
    outcome = asyncio.run(recover(target, accident, teller.say))
    if as_json:
        sys.stdout.write(json.dumps(outcome.to_json()) + "\n")
    return 0 if outcome.passed else 1


def _have_accident(root: Path, target: Target, teller: _Teller) -> "Accident":
    from warubi_tui.demo.story import live_through_it

    accident = live_through_it(asyncio.run(shop_uri(target)), _BUSY_SECONDS, teller.say)
    write_notes(root, DemoNotes(accident.committed_at, accident.statements))
    teller.say(f"at {timefmt.utc(accident.committed_at)} somebody ran, in one transaction:")
    for statement in accident.statements:
        teller.say(f"  {statement};")
    return accident


async def shop_uri(target: Target) -> "Secret":
    """The connection string of the shop on the default branch."""
    from warubi_tui.demo.story import open_shop
    from warubi_tui.neon.client import NeonClient

    async with NeonClient(target.host, target.key, engine=target.engine) as client:
        _, _, uri = await open_shop(client, target)
        return uri


def _open_console(root: Path, target: Target, teller: _Teller) -> int:
    from warubi_tui.app import WarubiApp

    with turn(root, teller.another):
        if read_notes(root).accident_at is None:
            _have_accident(root, target, teller)
    teller.say("opening the console")
    zone = timefmt.local_zone()
    business = business_of(target)
    with business.sales:
        app = WarubiApp(target, zone=zone, briefing=briefing(read_notes(root), business, zone))
        app.run()
    return app.return_code or 0


@dataclass(frozen=True)
class Business:
    """The shop as it is when the console opens."""

    words: str
    """What it does while the console is open."""
    sales: "AbstractContextManager[object]"
    """What does that."""
    harm: list[str] | None
    """What is wrong in it, in words; None when it cannot be read."""


def business_of(target: Target) -> Business:
    """Looks at the shop.

    Somebody may have made a branch the default one that no shop can sell on: one without a compute, or
    without the shop. The console opens all the same.
    """
    from warubi_tui.demo.shop import harm_of
    from warubi_tui.demo.writer import Writer

    try:
        uri = asyncio.run(shop_uri(target))
        return Business("Sales are going on right now.", Writer(uri), harm_of(uri))
    except WarubiError as error:
        why = error.detail or error.title
        words = f"Nobody sells: the shop cannot be reached on the default branch ({why})."
        return Business(words, nullcontext(), None)


def briefing(notes: DemoNotes, business: Business, zone: tzinfo) -> "Notice":
    """What one has to know before the console is used: the accident, and what is left of its harm."""
    from warubi_tui.dialogs.notice import Notice

    assert notes.accident_at is not None
    repaired = business.harm == []
    return Notice(
        "The shop is repaired" if repaired else "You are on call",
        [
            f"This is a shop on real PostgreSQL, on this machine. {business.words}",
            "",
            f"At {timefmt.utc(notes.accident_at)}",
            *([] if timefmt.is_utc(zone) else [f"  ({timefmt.local(notes.accident_at, zone)})"]),
            "somebody ran, in one transaction:",
            "",
            *(f"  {statement};" for statement in notes.statements),
            "",
            _state_words(business.harm),
            "",
            *([] if repaired else ["4 goes through the recovery step by step."]),
            "enter on a branch shows its timeline.",
            "Try what you like: warubi demo --reset begins anew.",
        ],
    )


def _state_words(harm: list[str] | None) -> str:
    if harm is None:
        return "What is left of that cannot be seen from here."
    if not harm:
        return "Nothing is left of that: the customers are back, and so are the prices."
    words = " and ".join(harm)
    return f"{words[0].upper()}{words[1:]}."
