"""What the kinds of steps do, each written once for every scenario."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from warubi_tui.recovery.steps.branch_call import PromoteCall
from warubi_tui.recovery.steps.compare import Compare
from warubi_tui.recovery.steps.copy import Copy
from warubi_tui.recovery.steps.describe import Describe
from warubi_tui.recovery.steps.in_place import InPlace
from warubi_tui.recovery.steps.moment import Moment
from warubi_tui.recovery.steps.prove import Prove
from warubi_tui.recovery.steps.verify import Verify
from warubi_tui.recovery.steps.words import Attest, Choose, Close

if TYPE_CHECKING:
    from warubi_tui.recovery.steps.kind import ChangingStepKind, StepKind

CHANGING: Final[Mapping[str, ChangingStepKind]] = {
    "copy": Copy(),
    "in_place": InPlace(),
    "branch_call": PromoteCall(),
}
"""Kinds whose calls are written down first and looked up when their answer is lost."""

KINDS: Final[Mapping[str, StepKind]] = {
    "describe": Describe(),
    "moment": Moment(),
    "compare": Compare(),
    "verify": Verify(),
    "choose": Choose(),
    "attest": Attest(),
    "prove": Prove(),
    "close": Close(),
    **CHANGING,
}
