"""The last door before the terminal: whatever widget drew it, what a line says can only be text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.filter import LineFilter

from cis_tui.tui.paint import shown

if TYPE_CHECKING:
    from textual.color import Color


class Door(LineFilter):
    """Takes out of each line what a terminal would obey, or lay out in a way of its own.

    Screens clean with `shown` what is not ours, before they lay it out. This sees to what they forgot, and to the
    widgets of Textual, such as the line in which one types.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """See `LineFilter`."""
        return [
            segment if segment.text.isascii() and segment.text.isprintable() else _harmless(segment)
            for segment in segments
        ]


def _harmless(segment: Segment) -> Segment:
    """The same in as many cells."""
    text = shown(segment.text, limit=len(segment.text) + 1)
    if text == segment.text:
        return segment
    return Segment(set_cell_size(text, cell_len(segment.text)), segment.style)
