"""The line over the table of memory: where one is, what was looked for, and what is out of the ordinary."""

from __future__ import annotations

from cis_tui.tui.pages import Pages
from cis_tui.tui.paint import Line, Piece, Tone, fit_line, shown
from cis_tui.tui.widgets.painted import LineWidget
from cis_tui.tui.words import count


class ListingHead(LineWidget):
    """One line."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pieces: list[Piece] = []

    def show(self, pages: Pages, *, marked: int, conflicts: int) -> None:
        """Say what the table shows."""
        where = shown(pages.prefix, limit=200) or "all of memory"
        entries = f"{pages.total:,} {'entry' if pages.total == 1 else 'entries'}"
        pieces: list[Piece] = [(f" {where}", Tone.STRONG)]
        if pages.needle:
            pieces += [("  found ", Tone.DIM), (f"{pages.total:,}", Tone.STRONG)]
        else:
            pieces.append((f"  {entries}", Tone.DIM))
        if marked:
            pieces.append((f"  + {marked} marked", Tone.ASK))
        if conflicts:
            pieces.append((f"  ≠ {count(conflicts, 'conflict')}, C settles", Tone.ASK))
        if pages.locked:
            pieces.append(("  private memory is locked, L unlocks it", Tone.ASK))
        if pages.note:
            pieces.append((f"  {shown(pages.note)}", Tone.DIM))
        self._pieces = pieces
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        return fit_line(self._pieces, width)
