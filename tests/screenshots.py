"""Makes the pictures in screenshots/ from the running demo, driven by keys as a person would.

.venv/bin/python -m tests.screenshots
"""

import asyncio
import re
import shutil
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from textual.pilot import Pilot

from tests.conftest import make_open_folder
from warubi_tui import timefmt
from warubi_tui.app import WarubiApp
from warubi_tui.config import Target
from warubi_tui.demo.command import shop_uri
from warubi_tui.demo.home import demo_engine, throw_away
from warubi_tui.demo.shop import Accident
from warubi_tui.demo.story import live_through_it
from warubi_tui.demo.writer import Writer

FOLDER = Path(__file__).parent.parent / "screenshots"
SIZE = (112, 32)
_PATIENCE = 600


class Camera:
    """Waits for words on the screen and takes its picture."""

    def __init__(self, pilot: Pilot[None], folder: Path) -> None:
        self._pilot = pilot
        self._folder = folder

    def _picture(self) -> str:
        return self._pilot.app.export_screenshot(title="warubi")

    async def until(self, *words: str) -> None:
        """Returns when all the words are on the screen."""
        await self._until(lambda text: all(word in text for word in words), f"never saw {words}")

    async def _until(self, seen: Callable[[str], bool], otherwise: str) -> None:
        text = ""
        for _ in range(_PATIENCE):
            text = re.sub(r"<[^>]+>", "", self._picture()).replace("&#160;", " ")
            if seen(text):
                return
            await self._pilot.pause(0.05)
        raise SystemExit(f"{otherwise}; the screen says:\n{text}")

    async def take(self, name: str) -> None:
        """Writes `name`.svg, with the fonts of whoever looks at it instead of fonts from the network."""
        self._pilot.app.clear_notifications()
        await self._pilot.pause(0.3)
        picture = re.sub(r"@font-face \{.*?\}\s*", "", self._picture(), flags=re.DOTALL)
        picture = re.sub(
            r"font-family: Fira Code", "font-family: Fira Code, DejaVu Sans Mono, Menlo", picture
        )
        (self._folder / f"{name}.svg").write_text(picture, "utf-8")


async def walk(target: Target, accident: Accident, folder: Path) -> None:
    """The first minutes with the demo, screen by screen."""
    app = WarubiApp(target, zone=timefmt.local_zone())
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        camera = Camera(pilot, folder)
        await camera.until("history kept")
        await pilot.press("enter")
        await camera.until("LSN")
        await pilot.press("t")
        await camera.until("Time")
        before = timefmt.rfc3339(accident.committed_at - timedelta(microseconds=1))
        await pilot.press("ctrl+u", *before, "enter")
        await camera.until(timefmt.utc(accident.committed_at - timedelta(microseconds=1)), "last commit")
        await pilot.press("plus", "plus")
        await camera.take("timeline")
        await pilot.press("enter")
        await camera.until("Undo:")
        await camera.take("restore")
        await pilot.click("#restore")
        await camera.until("New branch:")
        await camera.take("work")
        await pilot.press("d")
        await camera.until("stock_movements", "rows removed")
        await camera.take("diff")
        await pilot.press("slash", *"products", "enter", "enter")
        await camera.until("0.99", "row 1 of")
        await pilot.press("right", "right", "space", "space")
        await camera.until("2 marked")
        await camera.take("rows")
        await pilot.press("1")
        await camera.until("2 branches")
        await camera.take("branches")
        await pilot.press("4")
        await camera.until("What happened?")
        await camera.take("scenarios")
        await pilot.press("enter")
        await camera.until("Which branch")
        await pilot.press("enter")
        await camera.until("Undo")
        await camera.take("recover")
        await pilot.press("question_mark")
        await pilot.pause(0.3)
        await camera.take("help")


def main() -> int:
    """Makes all pictures anew."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.svg"):
        old.unlink()
    root = make_open_folder()
    try:
        with demo_engine(root / "demo", lambda: None) as target:
            uri = asyncio.run(shop_uri(target))
            accident = live_through_it(uri, 2.5, lambda _: None)
            with Writer(uri):
                asyncio.run(walk(target, accident, FOLDER))
    finally:
        throw_away(root / "demo")
        shutil.rmtree(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
