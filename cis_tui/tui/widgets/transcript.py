"""A conversation with an agent that scrolls: only its end is live."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from cis_tui.tui.cards import settled
from cis_tui.tui.chat_log import Entry, Kind
from cis_tui.tui.paint import Line, wrap
from cis_tui.tui.widgets.parts import PartList, Rows

_FENCED = re.compile(r"^ {0,3}```[^\n`]*\n(.*?)(?:^ {0,3}```|\Z)", re.DOTALL | re.MULTILINE)
"""A block of code in an answer."""
_APART = (Kind.YOU, Kind.ANSWER, Kind.COMMAND, Kind.NEW, Kind.TROUBLE)
"""Parts with an empty line before them."""


class Transcript(PartList[Entry]):
    """The parts of a conversation, with a cursor; stays at its end as long as one is there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "fold", "fold", id="chat.fold"),
        Binding("C", "copy_code", "copy the code", id="chat.copy-code"),
        Binding("f", "fork", "fork here", id="chat.fork"),
    ]

    @dataclass
    class Forked(Message):
        """The conversation is to go on from here in another one."""

        entry: Entry

    @dataclass
    class CodeCopied(Message):
        """A block of code of the part under the cursor is to go to the clipboard."""

        blocks: list[str]

    def __init__(self) -> None:
        super().__init__(id="transcript")

    def wrapped(self, index: int, part: Entry, width: int, known: Rows | None) -> Rows:
        """See `PartList`; of a part that grows, what is wrapped for good is not wrapped again."""
        if known is None or known.folded != part.folded or (known.version != part.version and not known.settled):
            known = Rows()
        if known.version != part.version:
            lines, open = settled(part)
            for line in lines[known.settled :]:
                known.fixed += _indented(line, width)
            known.settled = len(lines)
            before: list[Line] = [()] if index and part.kind in _APART else []
            known.rows = before + known.fixed + [row for line in open for row in _indented(line, width)]
            known.version, known.folded = part.version, part.folded
        return known

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """See `PartList`."""
        chosen = self.chosen
        if action == "fold":
            return chosen is not None and chosen.foldable
        if action == "copy_code":
            return chosen is not None and "```" in chosen.text
        if action == "fork":
            return chosen is not None and chosen.number > 0
        return super().check_action(action, parameters)

    def action_fold(self) -> None:
        """Fold or unfold the part under the cursor."""
        if self.chosen is not None and self.chosen.foldable:
            self.chosen.folded = not self.chosen.folded
            self.show(self._parts, self._welcome)

    def pressed(self) -> None:
        """See `PartList`."""
        self.action_fold()

    def action_copy_code(self) -> None:
        """Give the code in the part under the cursor to the clipboard, as it would be run."""
        if self.chosen is not None and (blocks := _FENCED.findall(self.chosen.text)):
            self.post_message(self.CodeCopied([block.rstrip("\n") for block in blocks]))

    def action_fork(self) -> None:
        """Go on from the part under the cursor in another conversation."""
        if self.chosen is not None:
            self.post_message(self.Forked(self.chosen))


def _indented(line: Line, width: int) -> list[Line]:
    return wrap(line, width) if line else [()]
