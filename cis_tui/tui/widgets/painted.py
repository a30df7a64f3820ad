"""From lines of toned text to what Textual paints, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from cis_tui.tui.paint import Line, Piece, Tone, cell_len, fit_line, line_width

TONE_CLASSES = {f"tone--{tone.value}" for tone in Tone if tone}
"""Component classes of every screen, by which the stylesheet gives each tone its look."""


def to_strip(widget: Widget, line: Line, width: int, ground: Style) -> Strip:
    """`line` in exactly `width` cells, on the background of `ground`, which also colours what has no tone of its own.

    Tones are styled once for the screen, which must have `TONE_CLASSES`, and not for each of its widgets.
    """
    segments: list[Segment] = []
    room = width
    for text, tone in line:
        if room <= 0:
            break
        style = ground
        if tone:
            toned = widget.screen.get_component_rich_style(f"tone--{tone.value}", default=ground)
            style = ground + Style(color=toned.color, bold=toned.bold, underline=toned.underline)
        segments.append(Segment(text, style))
        room -= cell_len(text)
    return Strip(segments).adjust_cell_length(width, ground)


class Grounded(Widget):
    """A widget that works out what it paints on once, and not for every line."""

    _ground: Style | None = None

    @property
    def ground(self) -> Style:
        """Its colours, on those of what it lies on."""
        if self._ground is None:
            self._ground = self.rich_style
        return self._ground

    def notify_style_update(self) -> None:
        """Its style, or that of something around it, is another one."""
        super().notify_style_update()
        self._ground = None


def with_note(left: Line, notes: Sequence[Line], width: int) -> list[Piece]:
    """`left`, and at the right end of the line the first of `notes` for which there is room."""
    for note in notes:
        free = width - line_width(left) - line_width(note)
        if free >= 2:
            return [*left, (" " * free, Tone.PLAIN), *note]
    return fit_line(left, width)


class LineWidget(Grounded):
    """A widget of a few lines without scrolling; a subclass says what stands in each."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._painted: dict[int, Line] = {}

    def repaint_changed(self) -> None:
        """Repaint the lines that are not as they were painted."""
        width = self.size.width
        for y in range(self.size.height):
            if self._painted.get(y) != self.line(y, width):
                self.refresh(Region(0, y, width, 1))

    def line(self, y: int, width: int) -> Line:
        """What stands in line `y`."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Paint one line; Textual calls this for the lines that are visible and dirty."""
        width = self.size.width
        line = self._painted[y] = self.line(y, width) if y < self.size.height else ()
        return to_strip(self, line, width, self.ground)
