"""What is said, part by part, in a list that scrolls: only lines that are seen are painted, however long it is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar, Generic, Protocol, TypeVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cis_tui.tui.paint import Line, Tone, wrap
from cis_tui.tui.widgets.painted import Grounded, to_strip

if TYPE_CHECKING:
    from textual import events

CURSOR = "▌"


class Part(Protocol):
    """One part; what it is made of is for the list to know."""

    @property
    def id(self) -> str:
        """Its own, as long as the list lives."""
        ...


P = TypeVar("P", bound=Part)


@dataclass(slots=True)
class Rows:
    """A part, wrapped."""

    version: object = None
    """What it was wrapped from."""
    folded: bool = False
    settled: int = 0
    """Lines that are wrapped for good."""
    fixed: list[Line] = field(default_factory=list[Line])
    rows: list[Line] = field(default_factory=list[Line])


class PartList(Grounded, ScrollView, Generic[P], can_focus=True):
    """Parts with a cursor. Who is at the end stays there; who is not keeps in view what they read, whatever comes."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="chat.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="chat.down"),
        Binding("pageup,ctrl+b", "page_up", "Page up", show=False, id="page.page-up"),
        Binding("pagedown,ctrl+f", "page_down", "Page down", show=False, id="page.page-down"),
        Binding("ctrl+d", "half(1)", "Half a page down", show=False, id="page.half-down"),
        Binding("ctrl+u", "half(-1)", "Half a page up", show=False, id="page.half-up"),
        Binding("home,g", "edge(-1)", "First", show=False, id="page.top"),
        Binding("end,G", "edge(1)", "Last", show=False, id="page.bottom"),
        Binding("c,y", "copy", "copy", id="chat.copy"),
        Binding("i,escape,tab", "write", "write", id="chat.write"),
    ]

    @dataclass
    class Pasted(Message):
        """A text was pasted, which belongs into the line."""

        text: str

    class Left(Message):
        """The keys go back to the line."""

    class Copied(Message):
        """The part under the cursor is to go to the clipboard."""

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of the part under the cursor."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._parts: Sequence[P] = ()
        self._welcome: Sequence[Line] = ()
        self._said: Sequence[Line] = ()
        """The welcome, wrapped."""
        self._rows: dict[str, Rows] = {}
        self._ends: list[int] = []
        self._wrapped_to: int = 0
        self._follows = True
        """Whether the last line is to stay in view."""

    # For subclasses

    def wrapped(self, index: int, part: P, width: int, known: Rows | None) -> Rows:
        """The lines of a part; `known`: as they were wrapped to the same width before."""
        raise NotImplementedError

    def pressed(self) -> None:
        """The part under the cursor was clicked."""

    # Reading

    @property
    def at_end(self) -> bool:
        """Whether the last line is in view."""
        return self.scroll_offset.y + self.size.height >= self.virtual_size.height

    @property
    def parts(self) -> Sequence[P]:
        """All of them."""
        return self._parts

    @property
    def chosen(self) -> P | None:
        """The part under the cursor."""
        return self._parts[self.cursor] if 0 <= self.cursor < len(self._parts) else None

    # Showing

    def show(self, parts: Sequence[P], welcome: Sequence[Line] = ()) -> None:
        """Show these parts, or `welcome` while there are none."""
        last, chosen, top = self.cursor >= len(self._parts) - 1, self.chosen, self._top()
        self._parts, self._welcome = parts, welcome
        index = None if last or chosen is None else self._index(chosen.id)
        self.set_reactive(PartList.cursor, max(0, len(parts) - 1) if index is None else index)
        self._lay()
        if self._follows and parts:
            self.to_end()
        elif top is not None and (index := self._index(top[0])) is not None:
            self._scroll(self._start(index) + top[1])
        self.refresh()

    def _top(self) -> tuple[str, int] | None:
        """The part at the top of the view, and how many lines of it are above."""
        y = self.scroll_offset.y
        index = bisect_right(self._ends, y)
        return (self._parts[index].id, y - self._start(index)) if index < len(self._parts) else None

    def _index(self, id: str) -> int | None:
        return next((index for index, part in enumerate(self._parts) if part.id == id), None)

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
        index = self._index(id)
        if index is not None:
            self._scroll(self._start(index))
        return index is not None

    def _scroll(self, y: int) -> None:
        if y != self.scroll_offset.y:
            self.scroll_to(y=y, animate=False, immediate=True, force=True)

    # Layout

    def _lay(self) -> None:
        width = max(4, self.scrollable_content_region.width - 1)
        if width != self._wrapped_to:
            self._rows = {}
            self._wrapped_to = width
        before = self._rows
        self._rows = {
            part.id: self.wrapped(index, part, width, before.get(part.id)) for index, part in enumerate(self._parts)
        }
        self._ends = list(accumulate(len(self._rows[part.id].rows) for part in self._parts))
        self._said = [row for line in self._welcome for row in wrap(line, width)]
        self.virtual_size = Size(1, max(1, self._ends[-1] if self._ends else len(self._said)))

    def _start(self, index: int) -> int:
        return self._ends[index - 1] if index else 0

    def on_resize(self) -> None:
        """Wrap to the new width; who was at the end stays there."""
        self._lay()
        if self._follows and self._parts:
            self.to_end()
        self.refresh()

    # Keys

    def action_move(self, step: int) -> None:
        """To the next part; through a long one by lines."""
        top, height = self.scroll_offset.y, self.size.height
        if not self._parts:
            return
        start, end = self._start(self.cursor), self._ends[self.cursor]
        beyond = end > top + height if step > 0 else start < top
        if beyond:
            self.scroll_to(y=top + step, animate=False, immediate=True)
        else:
            self._go(max(0, min(len(self._parts) - 1, self.cursor + step)), step)

    def action_half(self, direction: int) -> None:
        """Scroll by half a page."""
        self.scroll_relative(y=direction * max(1, self.size.height // 2), animate=False)

    def action_edge(self, direction: int) -> None:
        """To the first or last part."""
        if self._parts:
            self._go(0 if direction < 0 else len(self._parts) - 1, direction)
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
        return self.chosen is not None if action == "copy" else True

    def action_copy(self) -> None:
        """Give the part under the cursor to the clipboard."""
        if self.chosen is not None:
            self.post_message(self.Copied())

    def action_write(self) -> None:
        """Back to the line."""
        self.post_message(self.Left())

    # Events

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
        """A click chooses a part; a click on the chosen one is told."""
        index = bisect_right(self._ends, event.y + self.scroll_offset.y)
        if index < len(self._parts):
            if index == self.cursor:
                self.pressed()
            self.cursor = index

    # Painting

    def render_line(self, y: int) -> Strip:
        """Paint one line; Textual calls this for the lines that are visible and dirty."""
        width = self.scrollable_content_region.width
        row = y + self.scroll_offset.y
        if not self._parts:
            line = self._said[row] if row < len(self._said) else ()
            return to_strip(self, [(" ", Tone.PLAIN), *line], width, self.ground)
        index = bisect_right(self._ends, row)
        if index >= len(self._parts):
            return Strip.blank(width, self.ground)
        line = self._rows[self._parts[index].id].rows[row - self._start(index)]
        ground, here = self.ground, self.has_focus and index == self.cursor and bool(line)
        if here:
            ground = ground + Style(bgcolor=self.get_component_rich_style("rows--cursor").bgcolor)
        return to_strip(self, [(CURSOR if here else " ", Tone.LIVE), *line], width, ground)
