"""The entries of memory as a table."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from cis_tui.memory.records import Domain, MemoryItem
from cis_tui.tui.memory_detail import found_pieces, preview
from cis_tui.tui.pages import Pages
from cis_tui.tui.paint import Line, Tone, fit, fit_line, shown
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.widgets.taught import keys_of, taught

DOMAIN, KIND, WEEK, USED, SCORE = 8, 19, 9, 6, 6
MIDDLE, WIDE = 60, 92
"""Widths from which the kind, and from which all columns are shown; the page beside the table always says all."""
_FIRST = (
    ("memory.new", "writes the first entry"),
    ("go.chat", "goes to the chat, where # KEY = VALUE remembers too"),
    ("cis memory set KEY VALUE", "does the same in a shell"),
    ("cis memory import FILE", "brings what was exported elsewhere"),
)
DOMAINS = {Domain.PRIVATE: ("◆", "private"), Domain.PUBLIC: ("◇", "public")}


class MemoryTable(RowList):
    """One row an entry; rows that have not been read are asked for as they come into view."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "open", id="list.choose"),
        Binding("space,v", "mark", "mark", id="memory.mark"),
        Binding("escape", "drop", "clear", id="memory.drop"),
    ]

    @dataclass
    class PageWanted(Message):
        """Entries from `offset` on are to be read."""

        offset: int

    class Marked(Message):
        """Other entries are marked."""

    class Dropped(Message):
        """Esc: neither marks nor a search are wanted any more."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._pages = Pages()
        self._reading = True
        self.marked: dict[str, MemoryItem] = {}
        """Entries that the next action is about, by key."""
        self.conflicts: Collection[str] = ()
        """Keys of which there are versions that did not know each other."""

    @property
    def chosen(self) -> MemoryItem | None:
        """The entry under the cursor."""
        return self._pages.item(self.cursor) if self.count else None

    @property
    def meant(self) -> list[MemoryItem]:
        """The marked entries, else the one under the cursor."""
        return list(self.marked.values()) or ([self.chosen] if self.chosen else [])

    def show(self, pages: Pages) -> None:
        """Show this listing; the cursor stays on its entry if that is known to be in it; what a search finds is shown
        from the best on, also when better ones follow, until a person is in the list."""
        chosen = self.chosen
        same = (pages.prefix, pages.needle) == (self._pages.prefix, self._pages.needle)
        same = same and (self.has_focus or not pages.needle)
        self._pages = pages
        self._reading = False
        if pages.locked:
            self.marked = {key: item for key, item in self.marked.items() if item.domain is Domain.PUBLIC}
        index = pages.index_of(chosen.key) if chosen and (same or not pages.needle) else None
        self.show_rows(pages.total, cursor=index if index is not None else self.cursor if same else 0)

    def drop_marks(self) -> None:
        """Mark nothing."""
        self.marked.clear()
        self.refresh()
        self.post_message(self.Marked())

    def action_mark(self) -> None:
        """Mark the entry under the cursor, or take its mark away, and go on to the next."""
        item = self.chosen
        if item is None:
            return
        if self.marked.pop(item.key, None) is None:
            self.marked[item.key] = item
        self.repaint_row(self.cursor)
        self.action_move(1)
        self.post_message(self.Marked())

    def action_drop(self) -> None:
        """Back to the whole list, without marks."""
        self.post_message(self.Dropped())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc does something only while there are marks or a search."""
        if action == "drop":
            return bool(self.marked or self._pages.needle)
        return super().check_action(action, parameters)

    @property
    def bare(self) -> bool:
        """Whether it is known that there is nothing at all to show."""
        pages = self._pages
        return not (self._reading or pages.total or pages.problem or pages.needle or pages.prefix)

    def empty(self) -> list[Line]:
        """See `RowList`."""
        keys, pages = keys_of(self), self._pages
        if self._reading:
            return taught(keys, "reading…")
        if pages.problem:
            return [[(f"✗ {shown(pages.problem)}", Tone.BAD)]]
        if pages.needle:
            title = f'Nothing is found for "{shown(pages.needle, limit=100)}".'
            return taught(keys, title, ("memory.filter", "looks for something else"), ("memory.drop", "shows all"))
        if pages.locked:
            title = "Private memory is locked, and nothing is public."
            return taught(keys, title, ("memory.lock", "unlocks it"))
        if pages.prefix:
            return taught(keys, "Nothing is left here.", ("memory.tree", "chooses another place"))
        return [
            *taught(keys, "Nothing is remembered yet. What you, agents, runs and peers remember is listed here:"),
            *taught(keys, "private and encrypted, unless it is said to be public.", *_FIRST),
        ]

    def row(self, index: int, width: int) -> Line:
        """One entry, or a sign that it is being read."""
        item = self._pages.item(index)
        if item is None:
            for offset in self._pages.to_read(index, index):
                self.post_message(self.PageWanted(offset))
            return [("…", Tone.DIM)]
        mark, domain = DOMAINS[item.domain]
        hit = self._pages.hit(item.key)
        columns = [(item.index_type.value, KIND)] if width >= MIDDLE else []
        if width >= WIDE:
            columns = [(domain, DOMAIN), *columns, (item.week, WEEK), (f"{item.uses}×", USED)]
        if hit is not None:
            columns.append((f"{hit.score:.2f}", SCORE))
        room = width - 3 - sum(cells for _, cells in columns)
        key = max(12, min(48, room // 2))
        rest = room - key
        return [
            ("+" if item.key in self.marked else " ", Tone.ASK),
            (f"{mark} ", Tone.LIVE if item.domain is Domain.PRIVATE else Tone.DIM),
            *self._key(item, key),
            *(fit_line(found_pieces(hit), rest) if hit and hit.snippet else [(fit(preview(item), rest), Tone.PLAIN)]),
            *((f" {fit(text, cells - 1)}", Tone.DIM) for text, cells in columns),
        ]

    def _key(self, item: MemoryItem, width: int) -> Line:
        """The key without the prefix that the tree shows, with what is special about it."""
        key = item.key.removeprefix(self._pages.prefix) or item.key
        signs = ("≠ " if item.key in self.conflicts else "") + ("• " if item.pinned else "")
        return [(signs, Tone.ASK), (fit(shown(key, limit=600), width - len(signs) - 1) + " ", Tone.PLAIN)]
