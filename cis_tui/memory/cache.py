"""The entries read last, and the uses of entries that are not written down yet (spec, Caching Strategy, L1)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from cis_tui.core.clock import Instant
from cis_tui.memory.epochs import Epoch
from cis_tui.memory.records import Domain, MemoryItem, altered

CAPACITY = 1000
"""Entries."""
MAX_BYTES = 65_536
"""A value that is longer is not kept."""


class Place(NamedTuple):
    """Where a version lies."""

    domain: Domain
    week: str
    row: int


class Cached:
    """An entry as it was at an epoch; None: not to be relied upon."""

    __slots__ = ("epoch", "item", "place")

    def __init__(self, item: MemoryItem, place: Place, epoch: Epoch | None) -> None:
        self.item = item
        self.place = place
        self.epoch = epoch

    def use(self, at: Instant) -> MemoryItem:
        """Count one use in the item, and give it."""
        old = self.item
        self.item = altered(old, access_count=old.access_count + 1, uses=old.uses + 1, last_accessed_at=at)
        return self.item


class Cache:
    """The 1000 entries used last, by key; not for two threads at once."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[str, Cached] = OrderedDict()

    def get(self, key: str) -> Cached | None:
        """What is kept of `key`, which becomes the one used last."""
        cached = self._entries.get(key)
        if cached is not None:
            self._entries.move_to_end(key)
        return cached

    def put(self, cached: Cached) -> None:
        """Keep an entry, instead of the one that was not used for longest."""
        if len(cached.item.value) > MAX_BYTES:
            self.discard(cached.item.key)
            return
        self._entries[cached.item.key] = cached
        self._entries.move_to_end(cached.item.key)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def discard(self, key: str) -> None:
        """Forget `key`."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)


class Tally:
    """Uses of entries, gathered until there are many or they get old."""

    LIMIT = 5000
    SECONDS = 5.0

    def __init__(self) -> None:
        self._hits: dict[Place, tuple[int, Instant]] = {}
        self._count = 0
        self._since = Instant(0)

    def hit(self, place: Place, at: Instant) -> None:
        """Count one use."""
        if not self._hits:
            self._since = at
        times, _ = self._hits.get(place, (0, at))
        self._hits[place] = (times + 1, at)
        self._count += 1

    def times(self, place: Place) -> int:
        """Uses of the version at `place` that are not written down."""
        return self._hits.get(place, (0, None))[0]

    def due(self, now: Instant) -> bool:
        """Whether the uses should be written down now."""
        return bool(self._hits) and (self._count >= self.LIMIT or abs(now - self._since) >= self.SECONDS)

    def take(self) -> dict[tuple[Domain, str], list[tuple[int, int, Instant]]]:
        """Hand all uses over: by domain and week the rows, times and last moments."""
        by_log: dict[tuple[Domain, str], list[tuple[int, int, Instant]]] = {}
        for place, (times, at) in self._hits.items():
            by_log.setdefault((place.domain, place.week), []).append((place.row, times, at))
        self._hits, self._count = {}, 0
        return by_log

    def put_back(self, log: tuple[Domain, str], hits: Iterable[tuple[int, int, Instant]], now: Instant) -> None:
        """Take uses back that could not be written down."""
        domain, week = log
        if not self._hits:
            self._since = now
        for row, times, at in hits:
            place = Place(domain, week, row)
            self._hits[place] = (times + self.times(place), at)
