"""A listing of memory, read in pages as it is looked at."""

from __future__ import annotations

from cis_tui.memory.records import MemoryItem, MemoryPage

SIZE = 100
"""Entries of a page."""
WHOLE = 1_000
"""Up to so many entries all pages are read, so that a filter may look anywhere in a key."""


class Pages:
    """The entries whose keys fit `needle`, as far as they have been read.

    Small memories are filtered here, anywhere in the key; of large ones the engine lists the keys that begin with it.
    """

    def __init__(self, needle: str = "") -> None:
        self.needle = needle
        self.total = 0
        """Entries that fit."""
        self._items: dict[int, MemoryItem] = {}
        self._asked: set[int] = set()

    def item(self, index: int) -> MemoryItem | None:
        """The entry at `index`, None if its page has not been read."""
        return self._items.get(index)

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
        self._items.update(enumerate(page.items, offset))

    def take_whole(self, page: MemoryPage) -> None:
        """Everything was read; keep what fits."""
        needle = self.needle.lower()
        fitting = [item for item in page.items if needle in item.key.lower()]
        self._items = dict(enumerate(fitting))
        self._asked = set(range(0, len(fitting) + 1, SIZE))
        self.total = len(fitting)
