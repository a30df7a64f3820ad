"""A conversation that scrolls: however long it is, only lines that are seen are painted, only its end is live."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cis_tui.tui.cards import settled
from cis_tui.tui.chat_log import Entry, Kind
from cis_tui.tui.paint import Line, Tone, wrap
from cis_tui.tui.widgets.painted import Grounded, to_strip

if TYPE_CHECKING:
    from textual import events

CURSOR = "▌"
_APART = (Kind.YOU, Kind.ANSWER, Kind.COMMAND, Kind.NEW, Kind.TROUBLE)
"""Parts with an empty line before them."""


@dataclass(slots=True)
class _Rows:
    """A part, wrapped."""

    version: int = -1
    folded: bool = False
    settled: int = 0
    """Lines that are wrapped for good."""
    fixed: list[Line] = field(default_factory=list[Line])
    rows: list[Line] = field(default_factory=list[Line])


class Transcript(Grounded, ScrollView, can_focus=True):
    """The parts of a conversation, with a cursor; stays at its end as long as one is there."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="chat.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="chat.down"),
        Binding("pageup", "page_up", "Page up", show=False, id="page.page-up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="page.page-down"),
        Binding("home,g", "edge(-1)", "First", show=False, id="page.top"),
        Binding("end,G", "edge(1)", "Last", show=False, id="page.bottom"),
        Binding("enter,space", "fold", "fold", id="chat.fold"),
        Binding("y", "copy", "copy", id="chat.copy"),
        Binding("f", "fork", "fork here", id="chat.fork"),
        Binding("i,escape,tab", "write", "write", id="chat.write"),
    ]

    @dataclass
    class Copied(Message):
        """A part is to go to the clipboard."""

        entry: Entry

    @dataclass
    class Forked(Message):
        """The conversation is to go on from here in another one."""

        entry: Entry

    @dataclass
    class Pasted(Message):
        """A text was pasted, which belongs into the line."""

        text: str

    class Left(Message):
        """The keys go back to the line."""

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of the part under the cursor."""

    def __init__(self) -> None:
        super().__init__(id="transcript")
        self._entries: Sequence[Entry] = ()
        self._welcome: Sequence[Line] = ()
        self._rows: dict[str, _Rows] = {}
        self._ends: list[int] = []
        self._wrapped_to: int = 0
        self._follows = True
        """Whether the last line is to stay in view."""

    @property
    def at_end(self) -> bool:
        """Whether the last line is in view."""
        return self.scroll_offset.y + self.size.height >= self.virtual_size.height

    @property
    def chosen(self) -> Entry | None:
        """The part under the cursor."""
        return self._entries[self.cursor] if 0 <= self.cursor < len(self._entries) else None

    def show(self, entries: Sequence[Entry], welcome: Sequence[Line] = ()) -> None:
        """Show these parts, or `welcome` while there are none."""
        last = self.cursor >= len(self._entries) - 1
        self._entries, self._welcome = entries, welcome
        if last or self.cursor >= len(entries):
            self.set_reactive(Transcript.cursor, max(0, len(entries) - 1))
        self._lay()
        if self._follows and entries:
            self.to_end()
        self.refresh()

    def to_end(self) -> None:
        """Bring the last line into view, and stay there."""
        self._follows = True
        # By force: whether there is anything to scroll is known to Textual only after the next layout.
        self.scroll_to(y=self.virtual_size.height - self.size.height, animate=False, immediate=True, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Who scrolls up stays where they are, whatever comes; who scrolls to the end follows again."""
        super().watch_scroll_y(old_value, new_value)
        self._follows = self.at_end

    def go_to(self, id: str) -> bool:
        """Bring a part to the top; whether there is such a one."""
        for index, entry in enumerate(self._entries):
            if entry.id == id:
                self.scroll_to(y=self._start(index), animate=False, immediate=True, force=True)
                return True
        return False

    # Layout

    def _lay(self) -> None:
        width = max(4, self.scrollable_content_region.width - 1)
        if width != self._wrapped_to:
            self._rows = {}
            self._wrapped_to = width
        known = {entry.id: self._wrapped(index, entry, width) for index, entry in enumerate(self._entries)}
        self._rows = known
        self._ends = list(accumulate(len(known[entry.id].rows) for entry in self._entries))
        self.virtual_size = Size(1, max(1, self._ends[-1] if self._ends else len(self._welcome)))

    def _wrapped(self, index: int, entry: Entry, width: int) -> _Rows:
        known = self._rows.get(entry.id)
        if known is None or known.folded != entry.folded or (known.version != entry.version and not known.settled):
            known = _Rows()
        if known.version != entry.version:
            lines, open = settled(entry)
            for line in lines[known.settled :]:
                known.fixed += _indented(line, width)
            known.settled = len(lines)
            before: list[Line] = [()] if index and entry.kind in _APART else []
            known.rows = before + known.fixed + [row for line in open for row in _indented(line, width)]
            known.version, known.folded = entry.version, entry.folded
        return known

    def _start(self, index: int) -> int:
        return self._ends[index - 1] if index else 0

    def on_resize(self) -> None:
        """Wrap to the new width; who was at the end stays there."""
        self._lay()
        if self._follows and self._entries:
            self.to_end()
        self.refresh()

    # Keys

    def action_move(self, step: int) -> None:
        """To the next part; through a long one by lines."""
        top, height = self.scroll_offset.y, self.size.height
        if not self._entries:
            return
        start, end = self._start(self.cursor), self._ends[self.cursor]
        beyond = end > top + height if step > 0 else start < top
        if beyond:
            self.scroll_to(y=top + step, animate=False, immediate=True)
        else:
            self._go(max(0, min(len(self._entries) - 1, self.cursor + step)), step)

    def action_edge(self, direction: int) -> None:
        """To the first or last part."""
        if self._entries:
            self._go(0 if direction < 0 else len(self._entries) - 1, direction)
            self.scroll_to(y=0 if direction < 0 else self.virtual_size.height, animate=False, immediate=True)

    def _go(self, index: int, direction: int) -> None:
        self.cursor = index
        top, height = self.scroll_offset.y, self.size.height
        start, end = self._start(index), self._ends[index]
        if direction > 0 and end > top + height:
            self.scroll_to(y=min(start, end - height), animate=False, immediate=True)
        elif direction < 0 and start < top:
            self.scroll_to(y=max(start, end - height), animate=False, immediate=True)
        self.refresh()

    def watch_cursor(self) -> None:
        """Another part has the cursor: other keys may do something."""
        self.refresh()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what the part under the cursor knows."""
        chosen = self.chosen
        if action == "fold":
            return chosen is not None and chosen.foldable
        if action == "fork":
            return chosen is not None and chosen.number > 0
        return chosen is not None if action == "copy" else True

    def action_fold(self) -> None:
        """Fold or unfold the part under the cursor."""
        if self.chosen is not None and self.chosen.foldable:
            self.chosen.folded = not self.chosen.folded
            self.show(self._entries, self._welcome)

    def action_copy(self) -> None:
        """Give the part under the cursor to the clipboard."""
        if self.chosen is not None:
            self.post_message(self.Copied(self.chosen))

    def action_fork(self) -> None:
        """Go on from the part under the cursor in another conversation."""
        if self.chosen is not None:
            self.post_message(self.Forked(self.chosen))

    def action_write(self) -> None:
        """Back to the line."""
        self.post_message(self.Left())

    def on_paste(self, event: events.Paste) -> None:
        """Whatever is pasted is meant for the line."""
        event.stop()
        self.post_message(self.Pasted(event.text))

    def on_focus(self) -> None:
        """The cursor shows who has the keys."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor shows who has the keys."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click chooses a part, and folds or unfolds the chosen one."""
        index = bisect_right(self._ends, event.y + self.scroll_offset.y)
        if index < len(self._entries):
            if index == self.cursor:
                self.action_fold()
            self.cursor = index

    # Painting

    def render_line(self, y: int) -> Strip:
        """Paint one line; Textual calls this for the lines that are visible and dirty."""
        width = self.scrollable_content_region.width
        row = y + self.scroll_offset.y
        if not self._entries:
            line = self._welcome[row] if row < len(self._welcome) else ()
            return to_strip(self, [(" ", Tone.PLAIN), *line], width, self.ground)
        index = bisect_right(self._ends, row)
        if index >= len(self._entries):
            return Strip.blank(width, self.ground)
        line = self._rows[self._entries[index].id].rows[row - self._start(index)]
        ground, here = self.ground, self.has_focus and index == self.cursor and bool(line)
        if here:
            ground = ground + Style(bgcolor=self.get_component_rich_style("rows--cursor").bgcolor)
        return to_strip(self, [(CURSOR if here else " ", Tone.LIVE), *line], width, ground)


def _indented(line: Line, width: int) -> list[Line]:
    return wrap(line, width) if line else [()]
