"""The line in which a person writes to an agent, with what could follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.widgets.writing_line import WritingLine

MOST = 6
"""Candidates that are to be seen at once."""
Candidate = tuple[str, str]
"""What would be written, and what it means."""


class Candidates(RowList, can_focus=False):
    """What could be meant; the line keeps the keys."""

    def __init__(self) -> None:
        super().__init__(id="candidates")
        self.found: Sequence[Candidate] = ()
        self.display = False

    def offer(self, found: Sequence[Candidate]) -> None:
        """Offer these, or nothing."""
        if found == self.found:
            return
        self.found = found
        self.display = bool(found)
        self.styles.height = min(MOST, len(found)) or 1
        self.show_rows(len(found), cursor=0)

    @property
    def chosen(self) -> str:
        """What would be written; empty when nothing is offered."""
        return self.found[self.cursor][0] if self.display and self.cursor < len(self.found) else ""

    def row(self, index: int, width: int) -> Line:
        """A candidate and what it means."""
        name, means = self.found[index]
        wide = min(width, max(16, *(len(name) + 2 for name, _ in self.found)))
        return [(fit(shown(name), wide), Tone.STRONG), (fit(shown(means), max(0, width - wide)), Tone.DIM)]


class ChatLine(WritingLine):
    """Text that is sent to an agent with Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "send", id="chat.send"),
        Binding("tab", "queue", "queue", id="chat.queue"),
        Binding("escape", "back", "back", id="chat.stop"),
        Binding("ctrl+r", "run_intent", "run without a model", id="chat.run"),
        Binding("ctrl+g", "give", "give output to agent", id="chat.give"),
        Binding("ctrl+o", "go_on", "go on", id="chat.go-on"),
        Binding("shift+tab", "up_there", "read", id="chat.read"),
    ]

    def __init__(self, candidates: Candidates, tell: Callable[[str], object]) -> None:
        super().__init__("say something; / commands, @ files, # remember, ! run", tell)
        self.candidates = candidates
        self.can_run = False
        """Whether a skill was understood."""
        self.can_give = False
        """Whether there is output that the agent has not got."""
        self.can_go_on = False
        """Whether an answer was left unfinished, or is waited for."""

    @property
    def before_cursor(self) -> str:
        """The text of the cursor's line up to it."""
        row, column = self.cursor_location
        return self.document.get_line(row)[:column]

    def take(self, word: str, written: str) -> None:
        """Put `written` in the place of `word`, which stands before the cursor."""
        row, column = self.cursor_location
        self.replace(written, (row, column - len(word)), (row, column))

    # Keys

    def action_cursor_up(self, select: bool = False) -> None:
        """Up in what is offered, or as in every line."""
        if self.candidates.display and not select:
            self.candidates.action_move(-1)
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """Down in what is offered, or as in every line."""
        if self.candidates.display and not select:
            self.candidates.action_move(1)
        else:
            super().action_cursor_down(select)

    def action_queue(self) -> None:
        """Take what is offered, or say it after the present answer."""
        self.tell("queue")

    def action_back(self) -> None:
        """Take back, stop, or leave."""
        self.tell("back")

    def action_run_intent(self) -> None:
        """Run what was understood."""
        self.tell("run")

    def action_give(self) -> None:
        """Give the last output to the agent."""
        self.tell("give")

    def action_go_on(self) -> None:
        """Let an unfinished answer go on, or ask again now."""
        self.tell("go-on")

    def action_up_there(self) -> None:
        """To the question, or to what was said."""
        self.tell("read")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of things that are not there are not shown."""
        if action == "run_intent":
            return self.can_run
        if action == "give":
            return self.can_give
        if action == "go_on":
            return self.can_go_on
        return super().check_action(action, parameters)
