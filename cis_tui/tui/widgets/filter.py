"""One line to narrow a list with: `/` opens it, Enter keeps it, Esc clears it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class Filter(Input):
    """Says with every key what is looked for; hidden while nothing is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "keep", "keep", id="filter.keep"),
        Binding("down", "keep", "keep", show=False, id="filter.down"),
        Binding("escape", "drop", "show all", id="filter.drop"),
    ]

    @dataclass
    class Narrowed(Message):
        """Another text is looked for; empty: all is shown."""

        text: str

    class Closed(Message):
        """The keys go back to the list."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, compact=True, id="filter")
        self.cursor_blink = False
        self.display = False

    def open(self) -> None:
        """Show the line and take the keys."""
        self.display = True
        # At once, and not after the next message as `focus` does: keys typed ahead are meant for this line.
        self.screen.set_focus(self)

    def look_for(self, text: str) -> None:
        """Narrow to `text`, and leave the keys where they are."""
        self.display = True
        self.value = text

    def drop(self) -> None:
        """Forget the text and hide."""
        self.value = ""
        self.display = False

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what is looked for now."""
        event.stop()
        self.post_message(self.Narrowed(event.value))

    def action_keep(self) -> None:
        """Back to the list; the text stays if there is one."""
        self.display = bool(self.value)
        self.post_message(self.Closed())

    def action_drop(self) -> None:
        """Back to the whole list."""
        self.drop()
        self.post_message(self.Closed())
