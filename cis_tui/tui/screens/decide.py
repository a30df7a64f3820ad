"""A decision about a call outside of any run, asked over whatever screen one is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from cis_tui.dag.views import Decision, DecisionStatus, Subject
from cis_tui.tui.deciding import Deciding, detail_lines
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Tone
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.store import Changes
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.prompt import DecisionPrompt
from cis_tui.tui.words import asker

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from cis_tui.dag.inspection import DecisionDetail


class DecideDialog(Dialog[None]):
    """Shows what would run, asks, and closes when somebody has answered."""

    def __init__(self, desk: Desk, decision: Decision) -> None:
        what = "task" if decision.subject is Subject.VOTE else decision.subject
        who = asker(decision)
        where = "" if not who else " there" if decision.origin else " here"
        super().__init__(f"{who}{'may' if who else 'May'} the {what} {decision.task} run{where}?")
        self._desk = desk
        self._decision = decision
        self._page = Page([[("reading…", Tone.DIM)]], id="dialog-page")
        self._prompt = DecisionPrompt(desk.clock, desk.timer)
        self._deciding = Deciding(desk, self._decided)
        self._over = False

    def content(self) -> ComposeResult:
        """What is known, and the question."""
        yield self._page
        yield self._prompt

    def on_mount(self) -> None:
        """The question has the keys."""
        self._prompt.show(self._decision)
        self._prompt.focus()
        self._desk.ask(lambda engine: engine.decision_show(self._decision.id), self._show)

    def _show(self, detail: DecisionDetail) -> None:
        self._page.show(detail_lines(detail))
        self.refresh(layout=True)

    def show_changes(self, changes: Changes) -> None:
        """See `Dialog`."""
        if changes.decisions or changes.everything:
            mine = next((open for open in self._desk.store.pending if open.id == self._decision.id), None)
            if mine is None:
                self._end()
            else:
                self._prompt.show(mine)

    def on_screen_resume(self) -> None:
        """What was open over it is closed."""
        if self._over:
            self._end()

    def _end(self) -> None:
        """Close, now or when nothing is open over it any more: somebody has answered."""
        self._over = True
        if self.is_current:
            self.dismiss(None)

    def show_tick(self) -> None:
        """See `Dialog`."""
        self._prompt.tick()

    def _decided(self, decision: Decision) -> None:
        self._desk.store.take_decision(decision)
        if decision.status is not DecisionStatus.PENDING:
            self._end()

    @on(DecisionPrompt.Answered)
    def _answer(self, event: DecisionPrompt.Answered) -> None:
        self._deciding.answer(event)

    @on(DecisionPrompt.Voted)
    def _vote(self, event: DecisionPrompt.Voted) -> None:
        self._deciding.vote(event)

    @on(DecisionPrompt.Wished)
    def _wish(self, event: DecisionPrompt.Wished) -> None:
        self._deciding.wish(event)

    @on(DecisionPrompt.Inspect)
    def _inspect(self, event: DecisionPrompt.Inspect) -> None:
        self._page.focus()

    @on(DecisionPrompt.Left)
    def _left(self) -> None:
        self.dismiss(None)
