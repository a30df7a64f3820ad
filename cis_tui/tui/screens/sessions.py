"""The conversations, newest first; what is typed is looked for in all that was said."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Input

from cis_tui.agents.model import Activity, Conversation
from cis_tui.tui.chat_head import thousands
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.widgets.chat_line import ChatLine
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.widgets.taught import keys_of
from cis_tui.tui.words import when

if TYPE_CHECKING:
    from textual.app import ComposeResult

WHEN, SAID = 12, 16


class ConversationList(RowList, can_focus=False):
    """One row a conversation; the line above has the keys."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(id="dialog-options")
        self._desk = desk
        self.found: Sequence[Conversation] = ()
        self._empty: list[Line] = [[("reading…", Tone.DIM)]]

    def show(self, found: Sequence[Conversation]) -> None:
        """Show these."""
        begins = f"{keys_of(self, ChatLine)('chat.send')} in the chat begins one"
        self.found, self._empty = found, [[(f"no conversation has that; {begins}", Tone.DIM)]]
        self.styles.height = max(1, min(20, len(found)))
        self.show_rows(len(found), cursor=0)

    def empty(self) -> list[Line]:
        """See `RowList`."""
        return self._empty

    def row(self, index: int, width: int) -> Line:
        """Its state, title, when and how much was said in it."""
        each = self.found[index]
        mark, tone = ("●", Tone.LIVE) if each.activity is Activity.WORKING else (" ", Tone.PLAIN)
        if each.activity is Activity.ASKING:
            mark, tone = "?", Tone.ASK
        elif each.id in self._desk.store.unread:
            mark, tone = "•", Tone.ASK
        title = shown(each.title, limit=200) or f"conversation {each.id[:8]}"
        return [
            (f"{mark} ", tone),
            (fit(title, max(8, width - WHEN - SAID - 2)), Tone.STRONG),
            (fit(when(each.updated_at, self._desk.clock()), WHEN), Tone.DIM),
            (fit(f"{each.messages} said {thousands(each.context)}", SAID), Tone.DIM),
        ]


class SessionsDialog(Dialog[Conversation]):
    """Gives the conversation that was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "resume", priority=True, id="list.choose"),
        Binding("up", "move(-1)", "Up", show=False, priority=True, id="list.up"),
        Binding("down", "move(1)", "Down", show=False, priority=True, id="list.down"),
    ]

    def __init__(self, desk: Desk, words: str = "") -> None:
        super().__init__("Conversations")
        self._desk = desk
        self._list = ConversationList(desk)
        self._words = Input(words, placeholder="words that were said", compact=True, id="sessions-words")
        self._words.cursor_blink = False
        self._first = words
        self._found_for: str | None = None
        """The words for which the list was read."""
        self._chosen = False
        """Whether the first one that is found is meant."""

    def content(self) -> ComposeResult:
        """What is looked for, and what is found."""
        yield self._words
        yield self._list

    def on_mount(self) -> None:
        """Read them."""
        self._words.focus()
        self._look()

    @on(Input.Changed, "#sessions-words")
    def _look(self) -> None:
        words, project = self._words.value.strip(), self._desk.store.project_root
        self._desk.ask(
            lambda engine: engine.agent_conversations(project, query=words, limit=100),
            partial(self._show, words),
            group="sessions",
        )

    def _show(self, words: str, found: tuple[Conversation, ...]) -> None:
        if self.is_attached:
            self._found_for = words
            self._list.show(found)
            self.refresh(layout=True)
            if self._chosen:
                self.action_choose()

    def action_move(self, step: int) -> None:
        """To another row."""
        self._list.action_move(step)

    def action_choose(self) -> None:
        """Resume the one under the cursor, once what is looked for was found."""
        if self.deaf and self._words.value == self._first:
            return
        self._chosen = self._words.value.strip() != self._found_for
        if self._list.found and not self._chosen:
            self.dismiss(self._list.found[self._list.cursor])
