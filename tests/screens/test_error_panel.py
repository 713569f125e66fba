"""The error panel is read: nothing lies over it, and it goes when something new is tried."""

from tests.screens.conftest import FakeServices, Open, console, settle, until, words
from warubi_tui.errors import WarubiError
from warubi_tui.screens.work import Work
from warubi_tui.widgets.error_panel import ErrorPanel


async def test_good_news_does_not_hide_an_error(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(FakeServices(), size) as pilot:
        await settle(pilot)
        console(pilot).say("all is well")
        await until(pilot, lambda: "all is well" in words(pilot))
        console(pilot).report(WarubiError("The branch cannot be deleted", "It has children."))
        await until(pilot, lambda: "It has children." in words(pilot))
        assert "all is well" not in words(pilot)


async def test_an_error_goes_when_something_new_is_tried(open_console: Open) -> None:
    async def nothing(_: Work) -> None:
        return

    async with open_console(FakeServices()) as pilot:
        await settle(pilot)
        console(pilot).report(WarubiError("Somebody does not answer"))
        await until(pilot, lambda: "Somebody does not answer" in words(pilot))
        console(pilot).run_work("Try again", nothing)
        assert not console(pilot).screen.query_one(ErrorPanel).display
