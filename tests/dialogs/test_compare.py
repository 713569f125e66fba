"""What the dialog of a comparison offers at first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.screens.conftest import branch
from warubi_tui.dialogs.compare import suggestion
from warubi_tui.neon.models import Branch

MAIN = branch("main", default=True)
OLD = branch("main_old")
NEW = replace(branch("main_new"), created_at=OLD.created_at + timedelta(minutes=1))
COPY = branch("copy", "main")
LATER = replace(branch("later", "main"), created_at=COPY.created_at + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("branches", "chosen", "then", "now"),
    [
        pytest.param([MAIN, COPY], COPY, COPY, MAIN, id="a copy with its parent"),
        pytest.param([MAIN, LATER, COPY], MAIN, LATER, MAIN, id="a root with its newest child"),
        pytest.param([MAIN, NEW, OLD], MAIN, NEW, MAIN, id="the default with the newest state kept"),
        pytest.param([MAIN, OLD], OLD, OLD, MAIN, id="a state kept with the default"),
        pytest.param([MAIN], MAIN, MAIN, MAIN, id="the only one with nothing"),
    ],
)
def test_what_is_offered(branches: list[Branch], chosen: Branch, then: Branch, now: Branch) -> None:
    found = suggestion(branches, chosen)
    assert (found.then, found.now) == (then, now)
