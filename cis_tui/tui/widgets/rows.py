"""A list with a cursor that paints only the rows that changed, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from cis_tui.tui.paint import Line, Tone, wrap
from cis_tui.tui.widgets.painted import Grounded, to_strip

if TYPE_CHECKING:
    from textual import events

CURSOR = "▌"
CURSOR_ELSEWHERE = "▎"
"""Where the cursor stands in a list that has not the keys."""


class RowList(Grounded, ScrollView, can_focus=True):
    """Rows of text with a cursor. A subclass gives `row` and calls `show_rows` when their number changed."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="list.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="list.page-down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="list.page-up"),
        Binding("ctrl+d", "page(1, 2)", "Half a page down", show=False, id="list.half-down"),
        Binding("ctrl+u", "page(-1, 2)", "Half a page up", show=False, id="list.half-up"),
        Binding("home,g", "edge(-1)", "First", show=False, id="list.first"),
        Binding("end,G", "edge(1)", "Last", show=False, id="list.last"),
    ]

    @dataclass
    class Moved(Message):
        """The cursor stands on another row."""

        rows: RowList
        index: int

        @property
        def control(self) -> RowList:
            """The list, for `@on(RowList.Moved, "#id")`."""
            return self.rows

    @dataclass
    class Chosen(Message):
        """Enter was pressed, or a row clicked, where the cursor already stood."""

        rows: RowList
        index: int

        @property
        def control(self) -> RowList:
            """The list, for `@on(RowList.Chosen, "#id")`."""
            return self.rows

    cursor: reactive[int] = reactive(0, repaint=False)
    """Index of the row under the cursor."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._count = 0
        self.virtual_size = Size(1, 1)

    # For subclasses

    def row(self, index: int, width: int) -> Line:
        """What stands in row `index`."""
        raise NotImplementedError

    def selectable(self, index: int) -> bool:
        """Whether the cursor may stand on row `index`."""
        return True

    def mark(self, index: int) -> str:
        """The sign in the first column of a row on which the cursor does not stand."""
        return " "

    def empty(self) -> Sequence[Line]:
        """What is said when there are no rows: what would be here, and the keys that make it so (see `taught`)."""
        return ()

    @property
    def count(self) -> int:
        """Number of rows."""
        return self._count

    @property
    def row_width(self) -> int:
        """Cells of a row, without the cursor's mark."""
        return max(0, self.scrollable_content_region.width - 1)

    def show_rows(self, count: int, *, cursor: int | None = None) -> None:
        """Take a new number of rows, put the cursor where it belongs, and repaint."""
        self._count = count
        # Rows are as wide as the widget, whatever that is: only their number makes a new layout.
        self.virtual_size = Size(1, max(count, 1))
        self.set_reactive(RowList.cursor, self._nearest(self.cursor if cursor is None else cursor))
        self._keep_in_view(self.cursor)
        self.refresh()

    def repaint_row(self, index: int, *, width: int | None = None) -> None:
        """Repaint one row, or its first `width` cells, if it is visible."""
        y = index - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width if width is None else width, 1))

    # The cursor

    def watch_cursor(self, old: int, new: int) -> None:
        """Repaint the two rows that look different now, and say so."""
        self.repaint_row(old)
        self.repaint_row(new)
        self._keep_in_view(new)
        self.post_message(self.Moved(self, new))

    def action_move(self, step: int) -> None:
        """Move the cursor to the next row on which it may stand."""
        index = self.cursor + step
        while 0 <= index < self._count and not self.selectable(index):
            index += step
        if 0 <= index < self._count:
            self.cursor = index
        elif step < 0:
            self.scroll_to(y=0, animate=False)

    def action_page(self, direction: int, parts: int = 1) -> None:
        """Move the cursor by a screenful, or by one of so many parts of it."""
        height = max(1, (self.size.height - 1) // parts)
        self.cursor = self._nearest(self.cursor + direction * height, direction)

    def action_edge(self, direction: int) -> None:
        """Move the cursor to the first or last row."""
        self.cursor = self._nearest(0 if direction < 0 else self._count - 1, direction)

    def action_choose(self) -> None:
        """Say that the row under the cursor is meant."""
        if self._count and self.selectable(self.cursor):
            self.post_message(self.Chosen(self, self.cursor))

    def _nearest(self, index: int, direction: int = 1) -> int:
        """The row nearest to `index` on which the cursor may stand, rather further in `direction` than back."""
        index = max(0, min(self._count - 1, index))
        onward = range(index, self._count) if direction > 0 else range(index, -1, -1)
        back = range(index, -1, -1) if direction > 0 else range(index, self._count)
        found = (candidate for candidate in (*onward, *back) if candidate < self._count and self.selectable(candidate))
        return next(found, 0)

    def _keep_in_view(self, index: int) -> None:
        height, top = self.scrollable_content_region.height, self.scroll_offset.y
        if height <= 0:
            return
        if index < top:
            self.scroll_to(y=index, animate=False, force=True)
        elif index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False, force=True)

    # Events

    def on_resize(self) -> None:
        """The cursor stays in view."""
        self._keep_in_view(self.cursor)

    def on_focus(self) -> None:
        """The cursor shows who has the keys."""
        self.repaint_row(self.cursor)

    def on_blur(self) -> None:
        """The cursor shows who has the keys."""
        self.repaint_row(self.cursor)

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; a click on the cursor is Enter."""
        index = event.y + self.scroll_offset.y
        if not (0 <= index < self._count and self.selectable(index)):
            return
        if index == self.cursor:
            self.action_choose()
        self.cursor = index

    # Painting

    def render_line(self, y: int) -> Strip:
        """Paint one line; Textual calls this for the lines that are visible and dirty."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        ground = self.ground
        if not self._count:
            said = [row for line in self.empty() for row in wrap(line, max(1, width - 1))]
            return to_strip(self, [(" ", Tone.DIM), *said[y]] if y < len(said) else (), width, ground)
        if index >= self._count:
            return Strip.blank(width, ground)
        here = index == self.cursor and self.selectable(index)
        line = self.row(index, width - 1)
        if here:
            cursor = self.get_component_rich_style("rows--cursor")
            ground = ground + Style(bgcolor=cursor.bgcolor, reverse=cursor.reverse)
            if cursor.reverse:
                line = [(text, Tone.PLAIN) for text, _ in line]  # a colour of its own would be a patch on the bar
        mark = (CURSOR if self.has_focus else CURSOR_ELSEWHERE) if here else self.mark(index)
        return to_strip(self, [(mark, Tone.LIVE if self.has_focus else Tone.DIM), *line], width, ground)
