"""Several versions of one entry, each to be read in full before one is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from cis_tui.memory.records import MemoryConflict, MemoryItem
from cis_tui.tui.detail import text_lines
from cis_tui.tui.memory_detail import pretty, version_text
from cis_tui.tui.screens.choice import ChoiceDialog
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.words import calendar_time
from cis_tui.tui.writers import Names, writer

if TYPE_CHECKING:
    from textual.app import ComposeResult

MOST = 12
"""Lines of a value that are shown at once; the rest is scrolled to."""


class SettleDialog(ChoiceDialog):
    """Gives the index of the version to keep, in the order of `versions_of`; above them the one under the cursor."""

    DEFAULT_CLASSES = "-tall"

    def __init__(self, conflict: MemoryConflict, *, me: str, names: Names) -> None:
        self._versions = versions_of(conflict)
        options = [(calendar_time(item.created_at), _note(item, me, names)) for item in self._versions]
        options[0] = (options[0][0], f"{options[0][1]} (read now)")
        super().__init__(f"Which one of {conflict.key}?", options)
        self._page = Page(id="settle-page")

    def content(self) -> ComposeResult:
        """The versions, and under them the value of one in full."""
        yield from super().content()
        yield self._page

    def on_mount(self) -> None:
        """As high as the longest of them, so that nothing moves."""
        super().on_mount()
        longest = max(len(text_lines(pretty(version_text(item)))) for item in self._versions)
        self._page.styles.height = min(MOST, longest) + 1
        self._show()

    @on(RowList.Moved)
    def _show(self) -> None:
        self._page.show(text_lines(pretty(version_text(self._versions[self.cursor]))))


def versions_of(conflict: MemoryConflict) -> tuple[MemoryItem, ...]:
    """All versions, the one that is read first."""
    return (conflict.winner, *conflict.others)


def _note(item: MemoryItem, me: str, names: Names) -> str:
    return f"{writer(item.origin, me, names)}: {version_text(item)[:300]}"
