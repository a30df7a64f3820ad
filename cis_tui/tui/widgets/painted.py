"""From lines of toned text to what Textual paints, cell by cell."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from cis_tui.tui.paint import Line, Tone, cell_len, shown

TONE_CLASSES = {f"tone--{tone.value}" for tone in Tone if tone}
"""Component classes of every screen, by which the stylesheet gives each tone its look."""


def to_strip(widget: Widget, line: Line, width: int, ground: Style) -> Strip:
    """`line` in exactly `width` cells, on the background of `ground`, which also colours what has no tone of its own.

    This is the last door before the terminal: what a screen forgot to clean is cleaned here.
    Tones are styled once for the screen, which must have `TONE_CLASSES`, and not for each of its widgets.
    """
    segments: list[Segment] = []
    room = width
    for text, tone in line:
        if room <= 0:
            break
        if not text.isprintable():
            text = shown(text)
        style = ground
        if tone:
            toned = widget.screen.get_component_rich_style(f"tone--{tone.value}", default=ground)
            style = ground + Style(color=toned.color, bold=toned.bold, underline=toned.underline)
        segments.append(Segment(text, style))
        room -= cell_len(text)
    return Strip(segments).adjust_cell_length(width, ground)


class LineWidget(Widget):
    """A widget of a few lines without scrolling; a subclass says what stands in each."""

    ALLOW_SELECT = False

    def line(self, y: int, width: int) -> Line:
        """What stands in line `y`."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Paint one line; Textual calls this for the lines that are visible and dirty."""
        width = self.size.width
        return to_strip(self, self.line(y, width) if y < self.size.height else (), width, self.rich_style)
