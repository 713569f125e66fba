"""Home: the tree, its faces, and what the keys do."""

from tests.screens.conftest import FakeServices, Open, words


async def test_the_tree_is_shown(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(FakeServices(), size) as pilot:
        shown = words(pilot)
        assert "└─ copy" in shown
        assert "default protected" in shown
