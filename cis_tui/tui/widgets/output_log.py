"""The end of an output as it grows, however fast it does."""

from __future__ import annotations

from rich.cells import cell_len
from textual.geometry import Size
from textual.widgets import Log

KEPT_LINES = 5_000
LONGEST = 2_000
"""Characters of a line that are shown; what is printed without any end of line is one line for ever."""


class OutputLog(Log):
    """Follows what is added while its end is in view; whoever has scrolled away from it stays where they are."""

    def append(self, text: str) -> None:
        """Add `text`; the oldest lines go.

        Textual's `write` goes to the end whatever one reads, takes its time for each line, and leaves the view blank
        when at once more lines go than it shows.
        """
        follows = self.is_vertical_scroll_end
        lines = self._lines
        new = text.split("\n")
        new[0] = (lines.pop() if lines else "") + new[0]
        new = [_bounded(line) for line in new[-KEPT_LINES:]]
        lines += new
        gone = max(0, len(lines) - KEPT_LINES)
        del lines[:gone]
        self._width = max(self._width, *(cell_len(self._process_line(line)) for line in new))
        self._render_line_cache.clear()
        self.virtual_size = Size(self._width, self.line_count)
        if follows:
            self.scroll_end(animate=False, immediate=True, x_axis=False)
        elif gone:
            self.scroll_to(y=max(0, self.scroll_offset.y - gone), animate=False, immediate=True)
        self.refresh()


def _bounded(line: str) -> str:
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
