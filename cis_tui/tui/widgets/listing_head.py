"""The line over the table of memory: where one is, what was looked for, and what is out of the ordinary."""

from __future__ import annotations

from collections.abc import Sequence

from cis_tui.memory.growth import MemoryGrowth
from cis_tui.tui.pages import Pages
from cis_tui.tui.paint import Line, Piece, Tone, shown
from cis_tui.tui.sparks import growth_notes
from cis_tui.tui.widgets.painted import LineWidget, with_note
from cis_tui.tui.widgets.taught import keys_of
from cis_tui.tui.words import count


class ListingHead(LineWidget):
    """One line."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pieces: list[Piece] = []
        self._growth: Sequence[Line] = ()

    def grew(self, growth: MemoryGrowth | None) -> None:
        """Tell at the right how much was written, where there is room; None: not known."""
        self._growth = growth_notes(growth) if growth is not None else ()
        self.repaint_changed()

    def show(self, pages: Pages, *, marked: int, conflicts: int) -> None:
        """Say what the table shows."""
        where = shown(pages.prefix, limit=200) or "all of memory"
        entries = f"{pages.total:,} {'entry' if pages.total == 1 else 'entries'}"
        pieces: list[Piece] = [(f" {where}", Tone.STRONG)]
        if pages.needle:
            pieces += [("  found ", Tone.DIM), (f"{pages.total:,}", Tone.STRONG)]
        else:
            pieces.append((f"  {entries}", Tone.DIM))
        keys = keys_of(self)
        if marked:
            pieces.append((f"  + {marked} marked", Tone.ASK))
        if conflicts:
            pieces.append((f"  ≠ {count(conflicts, 'conflict')}, {keys('memory.conflicts')} settles", Tone.ASK))
        if pages.locked:
            pieces.append((f"  private memory is locked, {keys('memory.lock')} unlocks it", Tone.ASK))
        if pages.note:
            pieces.append((f"  {shown(pages.note)}", Tone.DIM))
        self._pieces = pieces
        self.repaint_changed()

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        return with_note(self._pieces, self._growth, width)
