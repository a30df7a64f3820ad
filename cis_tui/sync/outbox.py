"""What goes out: entries as signed, in batches, past the last door; and what still waits for whom.

There is no queue that could be lost: a version gets its dot in the transaction that writes it, and waits for every peer
whose mark is not as far as that (spec, Public Memory Sync Flow, steps 2 and 3).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from cis_tui.core.clock import Instant
from cis_tui.core.errors import CisError
from cis_tui.core.identity import Identity
from cis_tui.memory.classify import classify
from cis_tui.memory.dots import Dot
from cis_tui.memory.exchange import Exchange, Offer
from cis_tui.memory.records import IndexType, MemoryRecord
from cis_tui.memory.versions import moment
from cis_tui.sync.canonical import canonical
from cis_tui.sync.entries import entry_of, value_bytes
from cis_tui.sync.heard import Heard
from cis_tui.sync.messages import BATCH, LIMIT, PART, Message

KEPT = 8 * 1024 * 1024
"""Bytes of entries that are kept as they go out, since most go to every peer."""
_PLACE = 600
"""Bytes that it takes to say where the value of an entry lies, with its hash, about."""
_COUNTED = 1_000
"""Versions that are counted for a peer; more are as many."""


@dataclass(frozen=True, slots=True)
class SyncMarker:
    """A change that not all peers have (spec, Public Memory Sync Flow, step 2)."""

    key: str
    version: int
    timestamp: Instant
    sync_peers: tuple[str, ...]
    """DIDs of those that have not acknowledged it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """All that not all peers have."""

    markers: tuple[SyncMarker, ...]
    """The first ones, oldest first."""
    total: int
    by_peer: dict[str, int]


class Outbox:
    """Makes what is given to peers out of public memory; for any number of threads."""

    def __init__(self, exchange: Exchange, identity: Identity, heard: Heard) -> None:
        self._exchange = exchange
        self._identity = identity
        self._heard = heard
        self._making = Lock()
        self._entries: OrderedDict[Dot, tuple[Message, int]] = OrderedDict()
        self._bytes = 0
        self._large: tuple[Dot, MemoryRecord] | None = None
        """What parts were asked of last, and may leave."""

    def batch(
        self, dots: Sequence[Dot], prefixes: Sequence[str], *, limit: int = BATCH, large: int = LIMIT
    ) -> tuple[list[Message], int]:
        """Entries of a message, and how many of `dots` they are, with those of which nothing may be given.

        What is not the newest of its key is not given: it may have been deleted, or become private. `limit`: bytes of
        them all, unless the first has more; of an entry of more than `large` bytes the value is left out, and bytes are
        counted for saying where it lies.
        """
        entries: list[Message] = []
        size = done = 0
        newest = self._exchange.newest(dots)
        # Most is given to every peer at the same time: who comes second finds it made.
        with self._making:
            for dot, found in zip(dots, self._made(dots), strict=True):
                if found is not None and dot in newest and str(found[0]["key"]).startswith(tuple(prefixes)):
                    entry, taken = found if found[1] <= large else _without_value(found[0])
                    size += taken
                    if entries and size > limit:
                        break
                    entries.append(entry)
                done += 1
        return entries, done

    def part(self, dot: Dot, start: int, prefixes: Sequence[str]) -> bytes:
        """A part of the value of a version; empty beyond its end, and of what may not be given."""
        if not self._exchange.newest([dot]):
            return b""
        large = self._large
        if large is None or large[0] != dot or not large[1].key.startswith(tuple(prefixes)):
            large = next(
                ((dot, record) for record in self._exchange.records([dot]) if may_leave(record, prefixes)), None
            )
            self._large = large
        return value_bytes(large[1])[start : start + PART] if large else b""

    def news(self, offers: Iterable[Offer], peer: str) -> list[Offer]:
        """Those of `offers` that `peer` is not known to have."""
        return [offer for offer in offers if not self._heard.has(peer, offer.dot)]

    def waiting(self, peers: Sequence[tuple[str, Sequence[str]]], *, limit: int = 100) -> Waiting:
        """What peers, each with the prefixes that it is given, have not acknowledged; at most `limit` markers."""
        by_dot: dict[Dot, list[str]] = {}
        counts: dict[str, int] = {}
        for peer, prefixes in peers:
            told = self._exchange.standing(peer).told
            offers = self.news(self._exchange.page(told, prefixes, limit=_COUNTED).offers, peer) if prefixes else []
            counts[peer] = len(offers)
            for offer in offers:
                by_dot.setdefault(offer.dot, []).append(peer)
        first = sorted(by_dot, key=lambda dot: dot.hlc)[:limit]
        markers = tuple(
            SyncMarker(record.key, sum(record.vector.values()), moment(dot.hlc), tuple(by_dot[dot]))
            for dot, record in self._records(first)
            if record is not None
        )
        return Waiting(markers, len(by_dot), counts)

    def _records(self, dots: Sequence[Dot]) -> Iterator[tuple[Dot, MemoryRecord | None]]:
        """Each of `dots` with its version, None where that is gone."""
        left = iter(dots)
        for record in self._exchange.records(dots):
            for dot in left:
                if dot == Dot(record.origin, record.epoch, record.seq, record.hlc):
                    yield dot, record
                    break
                yield dot, None
        yield from ((dot, None) for dot in left)

    def _made(self, dots: Sequence[Dot]) -> Iterator[tuple[Message, int] | None]:
        """Each of `dots` as an entry, with its size; None where nothing may be given."""
        kept = {dot: self._entries[dot] for dot in dots if dot in self._entries}
        new = self._records([dot for dot in dots if dot not in kept])
        for dot in dots:
            yield kept[dot] if dot in kept else self._entry(*next(new))

    def _entry(self, dot: Dot, record: MemoryRecord | None) -> tuple[Message, int] | None:
        if record is None or not may_leave(record, ("",)):
            return None
        try:
            entry = entry_of(record, self._identity)
        except CisError:
            return None
        size = len(canonical(entry))
        self._entries[dot] = entry, size
        self._bytes += size
        while self._bytes > KEPT:
            self._bytes -= self._entries.popitem(last=False)[1][1]
        return entry, size


def _without_value(entry: Message) -> tuple[Message, int]:
    head = {name: value for name, value in entry.items() if name != "value"}
    return head, len(canonical(head)) + _PLACE


def may_leave(record: MemoryRecord, prefixes: Sequence[str]) -> bool:
    """The last door: whether a version of public memory is given to a peer that is given `prefixes`.

    Nothing Sensitive has a dot, and nothing private is read here at all; what a detector knows today that was written
    before it did is held back too.
    """
    if record.index_type is IndexType.SENSITIVE or not prefixes or not record.key.startswith(tuple(prefixes)):
        return False
    return record.value is None or classify(record.key, record.value).index_type is not IndexType.SENSITIVE
