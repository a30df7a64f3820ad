"""A line in which a person writes: several lines if need be, sent with Enter, with what was said before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import TextArea

from cis_tui.core.text import clean

if TYPE_CHECKING:
    from textual import events

MAX_PASTE, LONGEST_LINE = 200_000, 50_000
"""Characters of a text, and of one line of it: all of a line is wrapped and painted anew for each key."""


class WritingLine(TextArea):
    """Text that is sent with Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "send", id="chat.send"),
        Binding("ctrl+j,alt+enter,shift+enter", "new_line", "new line", show=False, id="chat.new-line"),
        Binding("ctrl+underscore", "undo", "undo", show=False, id="chat.undo-typing"),
        Binding("pageup", "scroll_log(-1)", "page up", show=False, id="chat.page-up"),
        Binding("pagedown", "scroll_log(1)", "page down", show=False, id="chat.page-down"),
    ]

    def __init__(self, placeholder: str, tell: Callable[[str], object]) -> None:
        """`tell` is told the name of a key that the screen knows about, at once: it is about the text as it is now."""
        super().__init__(
            id="chat-line",
            compact=True,
            soft_wrap=True,
            show_line_numbers=False,
            tab_behavior="focus",
            placeholder=placeholder,
        )
        self.tell = tell
        self.cursor_blink = False
        self.highlight_cursor_line = False
        self.said: list[str] = []
        """What was sent before, oldest first."""
        self._at: int | None = None
        self._draft = ""

    async def _on_key(self, event: events.Key) -> None:
        """Do at once what a key does: what was typed after it, the text area would take before that."""
        # Some terminals name the letter, too, of a key that is pressed with another one.
        if event.is_printable and not event.key.startswith(("alt+", "ctrl+")):
            return
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if await self.app.run_action(binding.action, self):  # pyright: ignore[reportUnknownMemberType] # App is not parametrised
                event.stop()
                break
        event.prevent_default()

    async def _on_paste(self, event: events.Paste) -> None:
        """Whatever is pasted is text."""
        event.prevent_default()
        event.stop()
        self.paste(event.text)

    def paste(self, text: str) -> None:
        """Put a text where the cursor is, in the place of what is selected; one that is too long not in part either."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        whole = self.text + text
        if len(whole) > MAX_PASTE or max(map(len, whole.split("\n"))) > LONGEST_LINE:
            self.notify("this is too long to be written here", severity="warning", markup=False)
            return
        self.replace(clean(text, limit=MAX_PASTE), *self.selection)

    def write(self, text: str) -> None:
        """Put a text into the line, to be changed or sent."""
        self.text = clean(text, limit=MAX_PASTE)
        self.move_cursor(self.document.end)

    def forget(self) -> None:
        """It was sent: empty the line."""
        self._at = None
        self.text = ""

    # Keys

    def action_new_line(self) -> None:
        """Begin another line."""
        self.insert("\n")

    def action_cursor_up(self, select: bool = False) -> None:
        """Up in the text, or to what was said before."""
        if self.cursor_location[0] == 0 and not select and self.said:
            self._recall(-1)
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        """Down in the text, or back to what is being written."""
        if self._at is not None and self.cursor_location[0] == self.document.line_count - 1 and not select:
            self._recall(1)
        else:
            super().action_cursor_down(select)

    def _recall(self, step: int) -> None:
        if self._at is None:
            self._at, self._draft = len(self.said), self.text
        self._at = max(0, self._at + step)
        if self._at >= len(self.said):
            self._at = None
            self.write(self._draft)
        else:
            self.write(self.said[self._at])

    def action_send(self) -> None:
        """Say it."""
        self.tell("send")

    def action_scroll_log(self, direction: int) -> None:
        """Scroll what was said."""
        self.tell("up" if direction < 0 else "down")
