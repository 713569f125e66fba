"""The restore dialog: which moment, a copy or in place, what will be kept; then the typed name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual import getters, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Button, Input, Label, RadioButton, RadioSet, Static

from warubi_tui.dialogs.ask import refusal
from warubi_tui.dialogs.confirm import another_name, type_request
from warubi_tui.dialogs.frame import Dialog, button, heading
from warubi_tui.errors import WarubiError
from warubi_tui.text import clean

if TYPE_CHECKING:
    from warubi_tui.neon.models import Branch
    from warubi_tui.recovery.restore import RestorePlan
    from warubi_tui.screens.services import Services

TYPING_SECONDS: Final = 0.2
"""How long the keyboard has to rest before the plan is made again."""

_KINDS: Final = {
    "copy": "a copy beside it",
    "in-place": "in place, overwrites it",
}
_NAME_LABELS: Final = {False: "New branch", True: "Keep now as"}


@dataclass(frozen=True)
class RestoreDecision:
    """A plan that was looked at and confirmed."""

    plan: RestorePlan
    confirmation: str | None
    """What was typed; None for a copy."""

    @property
    def title(self) -> str:
        """What is going to be done, in one line."""
        plan = self.plan
        if plan.target is not None and plan.point is None:
            return f"Put {plan.source.name} back over {plan.target.name}"
        when = plan.point.requested if plan.point else "now"
        if plan.target is None:
            return f"Restore {plan.source.name} at {when} as {plan.name}"
        return f"Restore {plan.target.name} in place to {when}"


class KindButton(RadioButton):
    """One of the two ways; which one is chosen can be read without colours."""

    BUTTON_LEFT = "("
    BUTTON_RIGHT = ")"

    def show(self) -> None:
        """Draws itself anew after the choice has changed."""
        words = _KINDS[self.id or ""]
        self.BUTTON_INNER = "●" if self.value else " "
        self.label = Content.styled(words, "bold") if self.value else Content(words)


class RestoreDialog(Dialog[RestoreDecision]):
    """Makes a plan for every change of its fields and shows it; confirms only a plan that is on screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f2", "other_kind", "Copy or in place", id="restore.kind", tooltip="The other way to restore"
        ),
    ]

    plan_view = getters.query_one("#plan", Static)
    when = getters.query_one("#when", Input)
    name_input = getters.query_one("#name", Input)
    confirm = getters.query_one("#restore", Button)

    def __init__(self, branch: Branch, when: str, services: Services) -> None:
        """
        Args:
            when: the time or LSN to begin with, as it could be typed; may be empty.
            services: make the plan.
        """
        super().__init__()
        self.branch = branch
        self.plan: RestorePlan | None = None
        """The plan on screen; None while it is made or cannot be made."""
        self._when = when
        self._services = services
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="restore-dialog"):
            yield heading(Content.assemble("Restore ", clean(self.branch.name)))
            with Horizontal(classes="dialog-field"):
                yield Label("To")
                yield Input(self._when, compact=True, id="when", placeholder="a time, -15m, or an LSN")
            with Horizontal(classes="dialog-field"):
                yield Label("How")
                with RadioSet(compact=True, id="kind"):
                    for kind in _KINDS:
                        yield KindButton(value=kind == "copy", id=kind)
                yield Label("f2 changes", id="kind-key")
            with Horizontal(classes="dialog-field"):
                yield Label(_NAME_LABELS[False], id="name-label")
                yield Input(compact=True, id="name", placeholder="a name is chosen for you")
            with VerticalScroll(id="plan-scroll"):
                yield Static(id="plan")
            with Vertical(id="typing"):
                yield Label(type_request(self.branch.name), classes="dialog-ask", id="ask")
                yield Input(compact=True, id="typed")
            with Horizontal(classes="dialog-buttons"):
                yield button("Cancel", "cancel")
                yield button("Restore", "restore", dangerous=True)

    def on_mount(self) -> None:
        self._show_kind()
        self.make_plan()

    def awaited(self) -> Input | None:
        if not self.when.value:
            return self.when
        return self.query_one("#typed", Input) if self.in_place else None

    @property
    def in_place(self) -> bool:
        """Whether the branch itself is to be overwritten."""
        return self.query_one("#in-place", RadioButton).value

    @on(RadioSet.Changed)
    def _kind_changed(self) -> None:
        self._show_kind()
        self._plan_soon()

    def _show_kind(self) -> None:
        """Marks the chosen kind and asks for what it needs."""
        for choice in self.query(KindButton):
            choice.show()
        self.query_one("#typing").display = self.in_place
        self.query_one("#name-label", Label).update(_NAME_LABELS[self.in_place])

    def action_other_kind(self) -> None:
        """Chooses the other one of a copy and in place."""
        self.query_one("#copy" if self.in_place else "#in-place", RadioButton).value = True

    @on(Input.Changed, "#when")
    @on(Input.Changed, "#name")
    def _plan_soon(self) -> None:
        self.plan = None
        self.workers.cancel_group(self, "restore.plan")
        self._arm()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(TYPING_SECONDS, self.make_plan)

    @work(exclusive=True, group="restore.plan", exit_on_error=False, description="Plan a restore")
    async def make_plan(self) -> None:
        """Makes a plan of what is in the fields and shows it, or why there is none."""
        self.plan = None
        self._arm()
        if not self.when.value.strip():
            self.plan_view.update("Type a time or an LSN. A copy is always safe.")
            return
        self.plan_view.update("Looking up that moment…")
        try:
            point = await self._services.resolve(self.branch, self.when.value)
            name = self.name_input.value.strip() or None
            make = self._services.plan_in_place if self.in_place else self._services.plan_copy
            self.plan = await make(self.branch, point, name)
        except WarubiError as error:
            self.plan_view.update(refusal(error))
            return
        self.plan_view.update(effects_content(self.plan.effects))
        self._arm()

    @on(Input.Changed, "#typed")
    def _typed_on(self) -> None:
        self.query_one("#ask", Label).update(type_request(self.branch.name))
        self._arm()

    def _arm(self) -> None:
        """The confirming button works with a plan on screen, and in place with the name typed."""
        typed = self.query_one("#typed", Input).value
        plan = self.plan
        self.confirm.disabled = plan is None or plan.confirmation not in {None, typed}

    @on(Input.Submitted)
    def _to_button(self, event: Input.Submitted) -> None:
        if not self.confirm.disabled:
            self.confirm.focus()
        elif event.input.id == "typed" and event.value != self.branch.name:
            self.query_one("#ask", Label).update(another_name(self.branch.name))
        elif self.in_place and self.plan is not None:
            self.query_one("#typed", Input).focus()

    @on(Button.Pressed)
    def _answer(self, event: Button.Pressed) -> None:
        if event.button.id != "restore" or self.plan is None:
            self.dismiss(None)
            return
        typed = self.query_one("#typed", Input).value if self.plan.confirmation is not None else None
        self.dismiss(RestoreDecision(self.plan, typed))


def effects_content(effects: tuple[str, ...]) -> Content:
    """The lines of a plan with the word before the colon in bold."""
    lines = []
    for effect in effects:
        label, colon, rest = clean(effect).partition(": ")
        lines.append(Content.assemble((label + colon, "bold" if colon else ""), rest))
    return Content("\n").join(lines)
