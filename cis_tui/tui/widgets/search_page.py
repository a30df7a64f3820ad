"""Text to read in which one can look for something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from cis_tui.tui.paint import Line, wrap
from cis_tui.tui.widgets.page import Page

if TYPE_CHECKING:
    from collections.abc import Iterator


class SearchPage(Page):
    """A page that marks what is looked for, grows at its end, and stays there if one was there."""

    def __init__(self, lines: Sequence[Line] = (), *, id: str | None = None) -> None:
        super().__init__(lines, id=id)
        self.needle = ""
        """What is looked for, in small letters."""
        self._found = -1

    def append(self, lines: Sequence[Line], *, keep: int) -> None:
        """Show more lines after those shown; of all, the last `keep`."""
        at_end = self.scroll_offset.y >= self.max_scroll_y
        self._lines = [*self._lines, *lines]
        self._wrapped += [part for line in lines for part in wrap(line, self._width)]
        gone = self._drop(len(self._lines) - keep)
        self.virtual_size = Size(1, len(self._wrapped))
        self.refresh()
        if at_end:
            self.scroll_end(animate=False)
        elif gone:
            self.scroll_to(y=max(0, self.scroll_offset.y - gone), animate=False)

    def _drop(self, number: int) -> int:
        """Drop so many of the first lines; the rows that they took."""
        if number <= 0:
            return 0
        rows = sum(len(wrap(line, self._width)) for line in self._lines[:number])
        self._lines = self._lines[number:]
        del self._wrapped[:rows]
        self._found -= rows
        return rows

    def look_for(self, text: str) -> int:
        """Mark `text` wherever it stands, and go to the first place from here on; the number of places."""
        self.needle = text.lower()
        self._found = self.scroll_offset.y - 1
        self.refresh()
        rows = self._rows()
        if rows:
            self.go(1)
        return len(rows)

    def go(self, step: int) -> None:
        """Go to the next place, or with -1 to the one before, round the end."""
        rows = self._rows()
        if not rows:
            return
        if step > 0:
            self._found = next((row for row in rows if row > self._found), rows[0])
        else:
            self._found = next((row for row in reversed(rows) if row < self._found), rows[-1])
        height = self.scrollable_content_region.height
        if not self.scroll_offset.y <= self._found < self.scroll_offset.y + height:
            self.scroll_to(y=max(0, self._found - height // 3), animate=False)
        self.refresh()

    @property
    def place(self) -> tuple[int, int]:
        """Which of the places one is at, and how many there are."""
        rows = self._rows()
        return (rows.index(self._found) + 1 if self._found in rows else 0), len(rows)

    def _rows(self) -> list[int]:
        if not self.needle:
            return []
        return [row for row, line in enumerate(self._wrapped) if self.needle in _text(line)]

    def render_line(self, y: int) -> Strip:
        """Paint one line, with what is looked for turned round."""
        strip = super().render_line(y)
        index = y + self.scroll_offset.y
        if not self.needle or index >= len(self._wrapped) or self.needle not in _text(self._wrapped[index]):
            return strip
        mark = Style(reverse=True, bold=index == self._found)
        return Strip(_marked(strip, self.needle, mark), strip.cell_length)


def _text(line: Line) -> str:
    return "".join(text for text, _ in line).lower()


def _marked(strip: Strip, needle: str, mark: Style) -> Iterator[Segment]:
    """The segments of `strip`, cut where `needle` begins and ends."""
    text = strip.text.lower()
    if len(text) != len(strip.text):  # a letter that is longer when it is small: the places would not be the same
        yield from strip
        return
    hits = [False] * len(text)
    start = text.find(needle)
    while start >= 0:
        hits[start : start + len(needle)] = [True] * len(needle)
        start = text.find(needle, start + len(needle))
    position = 0
    for segment in strip:
        begin = position
        for index in range(position, position + len(segment.text) + 1):
            ends = index == position + len(segment.text)
            if index > begin and (ends or hits[index] != hits[begin]):
                style = (segment.style or Style()) + mark if hits[begin] else segment.style
                yield Segment(segment.text[begin - position : index - position], style)
                begin = index
        position += len(segment.text)
