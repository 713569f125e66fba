"""The briefing with which a demo opens."""

from tests.screens.conftest import NOW, FakeServices, settle, until, words
from warubi_tui.app import WarubiApp
from warubi_tui.config import Target
from warubi_tui.dialogs.notice import Notice, NoticeDialog
from warubi_tui.screens.branches import BranchesScreen
from warubi_tui.secret import Secret
from warubi_tui.timefmt import local_zone


async def test_a_briefing_is_read_before_the_branches(size: tuple[int, int]) -> None:
    hostile = "[/] [@click=app.quit]x[/] \x1b]2;x\x1b\\"
    app = WarubiApp(
        Target("http://127.0.0.1:9/api/v2", Secret("key"), None, "demo", "demo"),
        zone=local_zone(),
        clock=lambda: NOW,
        services=FakeServices(),
        briefing=Notice("You are on call", [hostile, "and then"]),
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: isinstance(app.screen, NoticeDialog))
        await settle(pilot)
        shown = words(pilot)
        assert "You are on call" in shown
        assert "[/] [@click=app.quit]x[/] ␛]2;x␛\\" in shown
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, BranchesScreen)
        assert "main" in words(pilot)
