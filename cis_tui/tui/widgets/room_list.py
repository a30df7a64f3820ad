"""The messages of a room, in a list that scrolls and asks for older ones at its top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from cis_tui.matrix.messages import EDITABLE, SPOKEN, RoomMessage
from cis_tui.matrix.model import SendState
from cis_tui.tui.paint import Line, wrap
from cis_tui.tui.room_log import RoomPart, part_lines
from cis_tui.tui.widgets.parts import PartList, Rows


class RoomList(PartList[RoomPart]):
    """The room. The keys are about the message under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "act('reply')", "reply", id="room.reply"),
        Binding("e", "act('edit')", "edit", id="room.edit"),
        Binding("x", "act('react')", "react", id="room.react"),
        Binding("D", "act('remove')", "remove", id="room.remove"),
        Binding("R", "act('retry')", "send again", id="room.retry"),
        Binding("enter", "act('read')", "details", show=False, id="room.details"),
        Binding("i,tab", "write", "write", id="chat.write"),
        Binding("escape", "act('leave')", "peers", id="room.leave"),
    ]

    @dataclass
    class Act(Message):
        """Something is to be done, with the message under the cursor or with all."""

        name: str

    class Scrolled(Message):
        """Another part is in view."""

    class Older(Message):
        """The top is near: older messages are wanted."""

    def wrapped(self, index: int, part: RoomPart, width: int, known: Rows | None) -> Rows:
        """See `PartList`."""
        if known is not None and known.version == part:
            return known
        before: list[Line] = [()] if part.apart else []
        lines = [row for line in part_lines(part) for row in (wrap(line, width) if line else [()])]
        return Rows(version=part, rows=before + lines)

    @property
    def message(self) -> RoomMessage | None:
        """The message under the cursor."""
        return self.chosen.message if self.chosen else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """See `PartList`."""
        message = self.message
        if action == "copy":
            return message is not None and bool(message.text)
        if action != "act" or parameters == ("leave",):
            return super().check_action(action, parameters)
        if message is None:
            return False
        there, own = message.state is SendState.SENT, message.mine
        match parameters[0]:
            case "reply" | "react":
                return there and message.what in SPOKEN
            case "edit":
                return there and own and message.what in EDITABLE
            case "remove":
                return message.what in SPOKEN and (there or message.state is SendState.FAILED)
            case "retry":
                return message.state is SendState.FAILED
            case _:
                return True

    def action_act(self, name: str) -> None:
        """Have the screen do it."""
        self.post_message(self.Act(name))

    def pressed(self) -> None:
        """See `PartList`."""
        if self.message is not None:
            self.action_act("read")

    # Older messages

    def action_page_up(self) -> None:
        """A page up; at the top, to what is not read yet."""
        if self.scroll_offset.y == 0:
            self.post_message(self.Older())
        self._page(-1)

    def action_page_down(self) -> None:
        """A page down."""
        self._page(1)

    def _page(self, direction: int) -> None:
        # At once: what comes before the next layout must find that the person reads elsewhere.
        y = self.scroll_offset.y + direction * max(1, self.size.height)
        self.scroll_to(y=y, animate=False, immediate=True)

    def action_move(self, step: int) -> None:
        """See `PartList`."""
        if step < 0 and self.cursor == 0:
            self.post_message(self.Older())
        super().action_move(step)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for older messages before the top is reached."""
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Scrolled())
        if new_value < old_value and new_value < self.size.height:
            self.post_message(self.Older())
