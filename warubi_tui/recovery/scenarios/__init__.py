"""The ways through, as data: one per kind of accident."""

from typing import Final

from warubi_tui.recovery.scenarios.corruption import CORRUPTION
from warubi_tui.recovery.scenarios.deletion import DELETION
from warubi_tui.recovery.scenarios.migration import MIGRATION
from warubi_tui.recovery.scenarios.scenario import Scenario

SCENARIOS: Final[tuple[Scenario, ...]] = (DELETION, CORRUPTION, MIGRATION)


def scenario(key: str) -> Scenario:
    """The scenario with this key. Raises KeyError."""
    for known in SCENARIOS:
        if known.key == key:
            return known
    raise KeyError(key)
