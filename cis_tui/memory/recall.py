"""The reading side of memory: the entries read last, then the catalogues and the logs (spec, Memory Read Flow)."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from threading import Lock
from time import perf_counter

from cis_tui.core.clock import Clock
from cis_tui.core.errors import CisError, Unavailable
from cis_tui.core.paths import Home
from cis_tui.memory.cache import Cache, Cached, Tally
from cis_tui.memory.earned import standing
from cis_tui.memory.epochs import Epoch, Epochs
from cis_tui.memory.layers import Layer, Meters
from cis_tui.memory.reader import Reader
from cis_tui.memory.records import Domain, MemoryItem, altered, hidden
from cis_tui.memory.vault import Vault


class Recall:
    """Reads entries, and counts their uses; for any number of threads, of which one reads at a time."""

    def __init__(self, home: Home, vaults: Mapping[Domain, Vault], clock: Clock, *, open_logs: int) -> None:
        self.meters = Meters()
        """What each layer of memory did."""
        self._home = home
        self._clock = clock
        self._lock = Lock()
        self._reader = Reader(vaults, open_logs=open_logs)
        self._cache = Cache()
        self._tally = Tally()
        self._epochs: Epochs | None = None

    def get(self, key: str, *, public_only: bool = False) -> MemoryItem | None:
        """The entry `key`, or None; counts as a use of it.

        Raises:
            CisError: what decides about the key cannot be opened.
            Refused: it is private, and only a public one may be given (CIS-SKILL-060).
        """
        with self._lock:
            began = perf_counter()
            epoch = self._epoch()
            cached = self._cache.get(key)
            if cached is not None and epoch is not None and cached.epoch == epoch:
                self.meters[Layer.CACHE].hit(perf_counter() - began)
            else:
                cached = self._look_up(key, cached, epoch, began)
                if cached is None:
                    return None
            if public_only and cached.item.domain is Domain.PRIVATE:
                raise hidden(key)
            return self._count_use(cached)

    @contextmanager
    def reading(self) -> Generator[Reader]:
        """The reader, which has let go of what others have replaced; other threads wait."""
        with self._lock:
            self._reader.refresh(self._epoch())
            yield self._reader

    def save_uses(self) -> None:
        """Write down which entries were used; where that fails it waits for the next time."""
        with self._lock:
            self._save_uses()

    @contextmanager
    def private_closed(self) -> Generator[None]:
        """Have no private file open, and nothing in the cache, while the block runs; other threads wait."""
        with self._lock:
            self._save_uses()
            self._reader.close_private()
            self._cache.clear()
            yield

    @property
    def epochs(self) -> Epochs:
        """The counters of the home.

        Raises:
            Refused: they cannot be had (CIS-MEM-033).
        """
        if self._epochs is None:
            self._epochs = Epochs(self._home)
        return self._epochs

    @property
    def cached(self) -> int:
        """Entries in the cache."""
        return len(self._cache)

    def close(self) -> None:
        """Write uses down, and let go of every file; may be called again."""
        with self._lock:
            self._save_uses()
            self._cache.clear()
            self._reader.close()

    def _look_up(self, key: str, cached: Cached | None, epoch: Epoch | None, began: float) -> Cached | None:
        """The entry from the log that the catalogue names; `epoch` was read first, so that no later write is missed."""
        self.meters[Layer.CACHE].miss()
        self._reader.refresh(epoch)
        place = self._reader.find(key)
        if place is None:
            self._cache.discard(key)
            self.meters[Layer.LOGS].miss()
            return None
        if cached is None or cached.place != place:
            try:
                item = self._reader.read(place)
            except Unavailable:
                # An archive was dropped since we asked where the entry lies; its entries went with it.
                if self._reader.find_again(key, place.domain) == place:
                    raise
                return self._look_up(key, None, None, began)
            more = self._tally.times(place)
            if more:
                item = altered(item, access_count=item.access_count + more, uses=item.uses + more)
            cached = Cached(item, place, None)
        cached.epoch = epoch
        self._cache.put(cached)
        self.meters[Layer.ARCHIVES if self._reader.archived(place) else Layer.LOGS].hit(perf_counter() - began)
        return cached

    def _count_use(self, cached: Cached) -> MemoryItem:
        now = self._clock()
        self._tally.hit(cached.place, now)
        if self._tally.due(now):
            self._save_uses()
        return standing(cached.use(now), now)

    def _epoch(self) -> Epoch | None:
        """The present epoch; None when nothing that is read now can be relied upon later."""
        if self._epochs is None:
            if not self._home.memory.is_dir():
                return None
            with suppress(CisError):
                return self.epochs.now()
            return None
        return self._epochs.now()

    def _save_uses(self) -> None:
        """Write uses down; no read may fail of it."""
        for (domain, week), hits in self._tally.take().items():
            try:
                self._reader.count_accesses(domain, week, hits)
            except CisError:
                self._tally.put_back((domain, week), hits, self._clock())
