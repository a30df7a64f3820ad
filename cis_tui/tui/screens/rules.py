"""What is approved all alike, to see and to end it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from cis_tui.dag.alike import WRITTEN
from cis_tui.dag.inspection import Rule
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.widgets.prompt import DecisionPrompt
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.widgets.taught import keys_of, taught
from cis_tui.tui.words import clock_time, count

if TYPE_CHECKING:
    from textual.app import ComposeResult

NAME = 24
USED = 12


class RuleList(RowList):
    """One row a rule."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__(id="dialog-options")
        self.rules = list(rules)

    def on_mount(self) -> None:
        """Show them."""
        self.show_rows(len(self.rules))

    def empty(self) -> list[Line]:
        """See `RowList`."""
        step = ("decision.alike", "on a decision approves it and all alike")
        return taught(keys_of(self, DecisionPrompt), "Nothing is approved all alike.", step)

    def row(self, index: int, width: int) -> Line:
        """Which run, how often, and what it covers."""
        rule = self.rules[index]
        where = f"{shown(rule.dag)} {rule.run[:6]} {clock_time(rule.at)[:5]}"
        return [
            (fit(where, NAME), Tone.PLAIN),
            (fit(count(rule.used, "time"), USED), Tone.DIM),
            (fit(shown(rule.words.partition(WRITTEN)[2] or rule.words), max(0, width - NAME - USED)), Tone.PLAIN),
        ]


class RulesDialog(Dialog[None]):
    """Lists the rules in force; `w` withdraws the one under the cursor."""

    DEFAULT_CLASSES = "-tall"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("w", "withdraw", "withdraw", id="rules.withdraw")]

    def __init__(self, desk: Desk, rules: Sequence[Rule]) -> None:
        super().__init__("Approved all alike: tasks of a run whose call is written so in its file")
        self._desk = desk
        self._list = RuleList(rules)
        self._list.styles.height = max(1, min(len(rules), 12))

    def content(self) -> ComposeResult:
        """The rules."""
        yield self._list

    def on_mount(self) -> None:
        """They have the keys."""
        self._list.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There has to be one."""
        return bool(self._list.rules) if action == "withdraw" else super().check_action(action, parameters)

    def action_withdraw(self) -> None:
        """Approve no more by itself what this rule covers."""
        if self.deaf:
            return
        rule = self._list.rules[self._list.cursor]
        self._desk.ask(lambda engine: engine.decision_withdraw(rule.id), self._withdrawn)

    def _withdrawn(self, gone: Rule) -> None:
        self._list.rules = [rule for rule in self._list.rules if rule.id != gone.id]
        self._list.show_rows(len(self._list.rules))
        self._desk.say(f"withdrawn: {gone.words}", hint="what it approved stays approved")
        self.refresh_bindings()
