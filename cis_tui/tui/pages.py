"""What the table of memory shows, read in pages as it is looked at. No widget in here."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from cis_tui.memory.records import MemoryItem, MemoryPage

if TYPE_CHECKING:
    from cis_tui.memory.queries import Hit

SIZE = 100
"""Entries of a page."""
CUT = 400
"""Characters of a value that a row may show."""


class Step(Enum):
    """How far a search goes before something of it is shown."""

    AT_ONCE = 0
    """Keys, and words if they are found within a moment."""
    WORDS = 1
    MEANING = 2
    AGAIN = 3
    """As `MEANING`, after a while: some of what is there cannot be found by meaning yet."""


class Pages:
    """The entries below `prefix`, as far as they have been read; or, when something is looked for, what was found."""

    def __init__(self, prefix: str = "", needle: str = "") -> None:
        self.prefix = prefix
        self.needle = needle
        self.total = 0
        """Entries that fit."""
        self.note = ""
        """What was left out, for a person."""
        self.problem = ""
        """Why nothing could be read."""
        self.locked = False
        """Private memory was left out."""
        self.next: Step | None = None
        """How the same search goes on; None when this is all."""
        self._items: dict[int, MemoryItem] = {}
        self._hits: dict[str, Hit] = {}
        self._asked: set[int] = set()

    def item(self, index: int) -> MemoryItem | None:
        """The entry at `index`, None if its page has not been read."""
        return self._items.get(index)

    def hit(self, key: str) -> Hit | None:
        """How an entry was found; None when its key alone was."""
        return self._hits.get(key)

    def index_of(self, key: str) -> int | None:
        """Where a key stands, among what has been read."""
        return next((index for index, item in self._items.items() if item.key == key), None)

    def to_read(self, first: int, last: int) -> list[int]:
        """Offsets of the pages between two rows that have neither been read nor asked for; now they have."""
        wanted = range(first // SIZE * SIZE, min(last + 1, max(self.total, 1)), SIZE)
        missing = [offset for offset in wanted if offset not in self._asked]
        self._asked.update(missing)
        return missing

    def take(self, offset: int, page: MemoryPage) -> None:
        """A page was read."""
        self.total = page.total
        self.locked = page.locked
        self._asked.add(offset)
        self._items.update(enumerate(page.items, offset))

    def take_found(self, named: Sequence[MemoryItem], hits: Sequence[Hit]) -> None:
        """What was found: entries whose key begins with what was looked for, the key itself first, then the rest."""
        self._hits = {hit.item.key: hit for hit in hits}
        named = sorted(named, key=lambda item: (len(item.key), item.key))
        ordered = {item.key: item for item in (*named, *(hit.item for hit in hits))}
        self._items = dict(enumerate(ordered.values()))
        self.total = len(ordered)
        self._asked = set(range(0, self.total + 1, SIZE))
