"""The lines around the messages of a room: what stands above and below them, and where one writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from cis_tui.tui.paint import Line, Piece, Tone, fit_line
from cis_tui.tui.widgets.painted import LineWidget
from cis_tui.tui.widgets.writing_line import WritingLine


class Told(LineWidget):
    """One line of what is so now."""

    def __init__(self, pieces: Callable[[], Sequence[Piece]], *, id: str) -> None:
        super().__init__(id=id)
        self._pieces = pieces

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        return fit_line([(" ", Tone.PLAIN), *self._pieces()], width)


class RoomLine(WritingLine):
    """What is said in the room."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "send", id="chat.send"),
        Binding("escape", "back", "back", id="chat.stop"),
        Binding("shift+tab", "up_there", "read", id="chat.read"),
    ]

    def __init__(self, tell: Callable[[str], object]) -> None:
        super().__init__("say something to the room; /me for what you do", tell)

    def action_back(self) -> None:
        """Out of what was begun, or to the messages."""
        self.tell("back")

    def action_up_there(self) -> None:
        """To the messages."""
        self.tell("read")
