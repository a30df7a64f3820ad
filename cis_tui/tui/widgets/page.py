"""Text to read: lines that scroll, wrapped to the width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView

from cis_tui.tui.paint import Line, wrap
from cis_tui.tui.widgets.painted import Grounded, to_strip

if TYPE_CHECKING:
    from textual.strip import Strip


class Page(Grounded, ScrollView, can_focus=True):
    """Lines of toned text. It takes the focus only to be scrolled."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "Down", show=False, id="page.down"),
        Binding("up,k", "scroll_up", "Up", show=False, id="page.up"),
        Binding("pagedown,ctrl+f", "page_down", "Page down", show=False, id="page.page-down"),
        Binding("pageup,ctrl+b", "page_up", "Page up", show=False, id="page.page-up"),
        Binding("ctrl+d", "half(1)", "Half a page down", show=False, id="page.half-down"),
        Binding("ctrl+u", "half(-1)", "Half a page up", show=False, id="page.half-up"),
        Binding("home,g", "scroll_home", "Top", show=False, id="page.top"),
        Binding("end,G", "scroll_end", "Bottom", show=False, id="page.bottom"),
    ]

    def __init__(self, lines: Sequence[Line] = (), *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: Sequence[Line] = lines
        self._wrapped: list[Line] = []

    def show(self, lines: Sequence[Line]) -> None:
        """Show other lines."""
        if lines != self._lines:
            self._lines = lines
            self._wrap()
            self.scroll_to(y=0, animate=False)

    def show_first(self, lines: Sequence[Line]) -> None:
        """Show lines of which only the first may differ from those shown."""
        before = self._lines
        if (
            before
            and lines
            and self._wrapped
            and all(len(wrap(first, self._width)) == 1 for first in (before[0], lines[0]))
        ):
            self._lines = lines
            self._wrapped[0] = lines[0]
            self.refresh_line(0)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as its lines at that width, before it has ever been laid out too."""
        return sum(len(wrap(line, max(1, width))) for line in self._lines)

    def action_half(self, direction: int) -> None:
        """Scroll by half a page."""
        self.scroll_relative(y=direction * max(1, self.size.height // 2), animate=False)

    def on_resize(self) -> None:
        """Wrap to the new width."""
        self._wrap()

    def watch_show_vertical_scrollbar(self) -> None:
        """The bar takes a column from the lines, or gives it back."""
        self._wrap()

    @property
    def _width(self) -> int:
        return max(1, self.scrollable_content_region.width)

    def _wrap(self) -> None:
        if not self.size.width:
            return  # it has no place yet: lines of one letter would make so many rows that a bar is shown
        width = self._width
        self._wrapped = [part for line in self._lines for part in wrap(line, width)]
        self.virtual_size = Size(1, len(self._wrapped))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Paint one line; Textual calls this for the lines that are visible and dirty."""
        index = y + self.scroll_offset.y
        line = self._wrapped[index] if index < len(self._wrapped) else ()
        return to_strip(self, line, self.scrollable_content_region.width, self.ground)
