"""What frames a dialog: the question over it, the keys under it. Both stay in sight, however much is between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cis_tui.tui.paint import Line, Piece, Tone, fit_middle, line_width, shown, wrap
from cis_tui.tui.widgets.bars import ClickableKeys, key_name, visible_bindings
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.painted import LineWidget

if TYPE_CHECKING:
    from textual.geometry import Size

TITLE_ROWS = 3
LONGEST = 100_000
"""Characters of a title that are looked at."""
Key = tuple[str, list[Piece]]
"""A key, and what is said of it."""


class DialogTitle(LineWidget):
    """What is asked, in a few lines; of one that is longer the middle is left out."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = shown(text, limit=LONGEST)

    def _rows(self, width: int) -> list[Line]:
        # Words that do not fit leave room at the ends of lines.
        text = fit_middle(self._text, max(12, width * TITLE_ROWS - width // 2))
        return wrap([(text, Tone.STRONG)], max(1, width))[:TITLE_ROWS]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as it takes."""
        return len(self._rows(width))

    def line(self, y: int, width: int) -> Line:
        """One of them."""
        rows = self._rows(width)
        return rows[y] if y < len(rows) else ()


class DialogKeys(ClickableKeys):
    """The keys that this dialog knows, all of them, and whether there is more to read than is seen."""

    def __init__(self) -> None:
        super().__init__()
        self._more = False

    def on_mount(self) -> None:
        """Follow what the keys do, and what is read."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh(layout=True))  # pyright: ignore[reportUnknownMemberType, reportUnknownLambdaType] # Textual leaves the type of the screen open
        for page in self.screen.query(Page):
            self.watch(page, "scroll_y", self.tell_more, init=False)

    def tell_more(self) -> None:
        """Say whether the end of something is out of sight."""
        more = any(not page.is_vertical_scroll_end for page in self.screen.query(Page))
        if more != self._more:
            self._more = more
            self.refresh(layout=True)

    def _keys(self) -> list[Key]:
        found = sorted(visible_bindings(self.screen), key=lambda binding: binding.key == "escape")
        more: list[Key] = [("down", [("↓ more   ", Tone.ASK)])] if self._more else []
        return more + [
            (binding.key, [(key_name(binding), Tone.STRONG), (f" {binding.description}   ", Tone.DIM)])
            for binding in found
        ]

    def _rows(self, width: int) -> list[list[Key]]:
        rows: list[list[Key]] = [[]]
        used = 0
        for key, pieces in self._keys():
            wide = line_width(pieces)
            if used and used + wide - 3 > width:
                rows.append([])
                used = 0
            rows[-1].append((key, pieces))
            used += wide
        return rows

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the keys take."""
        return len(self._rows(width))

    def line(self, y: int, width: int) -> Line:
        """One of them."""
        rows = self._rows(width)
        pieces: list[Piece] = []
        self.spots[y] = []
        for key, said in rows[y] if y < len(rows) else ():
            start = line_width(pieces)
            pieces += said
            self.spots[y].append((start, line_width(pieces), key))
        return pieces
