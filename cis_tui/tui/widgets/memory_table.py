"""The entries of memory as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from cis_tui.memory.records import Domain, MemoryItem
from cis_tui.tui.memory_detail import preview
from cis_tui.tui.pages import Pages
from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.widgets.rows import RowList

DOMAIN, KIND, WEEK, USED = 8, 19, 9, 5
MIDDLE, WIDE = 60, 90
"""Widths from which the kind, and from which all columns are shown; the page beside the table always says all."""
DOMAINS = {Domain.PRIVATE: ("◆", "private"), Domain.PUBLIC: ("◇", "public")}


class MemoryTable(RowList):
    """One row an entry; rows that have not been read are asked for as they come into view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "read it", id="list.choose"),
    ]

    @dataclass
    class PageWanted(Message):
        """Entries from `offset` on are to be read."""

        offset: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pages = Pages()

    @property
    def chosen(self) -> MemoryItem | None:
        """The entry under the cursor."""
        return self._pages.item(self.cursor) if self.count else None

    def show(self, pages: Pages) -> None:
        """Show this listing; the cursor stays on its entry if that is known to be in it."""
        chosen = self.chosen
        self._pages = pages
        index = pages.index_of(chosen.key) if chosen else None
        self.show_rows(pages.total, cursor=self.cursor if index is None else index)

    def empty(self) -> str:
        """See `RowList`."""
        if self._pages.needle:
            return "no key fits"
        return "nothing remembered yet; n writes the first entry"

    def row(self, index: int, width: int) -> Line:
        """One entry, or a sign that it is being read."""
        item = self._pages.item(index)
        if item is None:
            for offset in self._pages.to_read(index, index):
                self.post_message(self.PageWanted(offset))
            return [("…", Tone.DIM)]
        mark, domain = DOMAINS[item.domain]
        columns = [(item.index_type.value, KIND)] if width >= MIDDLE else []
        if width >= WIDE:
            columns = [(domain, DOMAIN), *columns, (item.week, WEEK), (f"{item.access_count}×", USED)]
        key = max(12, min(48, width * 2 // 5))
        rest = width - 2 - key - sum(cells for _, cells in columns)
        return [
            (f"{mark} ", Tone.LIVE if item.domain is Domain.PRIVATE else Tone.DIM),
            (fit(shown(item.key, limit=600), key - 1) + " ", Tone.PLAIN),
            (fit(preview(item), rest - 1) + " ", Tone.PLAIN),
            *((fit(text, cells), Tone.DIM) for text, cells in columns),
        ]
