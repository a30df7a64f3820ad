"""What goes out: entries as signed, in batches, past the last door; and what still waits for whom.

There is no queue that could be lost: a version gets its dot in the transaction that writes it, and waits for every peer
whose mark is not as far as that (spec, Public Memory Sync Flow, steps 2 and 3).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
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
from cis_tui.sync.messages import BATCH, PART

SIGNATURES = 8_192
"""Own signatures that are kept, since each is made for every peer again."""
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
        self._lock = Lock()
        self._signatures: OrderedDict[Dot, bytes] = OrderedDict()
        self._large: tuple[Dot, MemoryRecord] | None = None
        """What parts were asked of last, and may leave."""

    def batch(self, dots: Sequence[Dot], prefixes: Sequence[str]) -> tuple[list[dict[str, object]], int]:
        """Entries of a message, and how many of `dots` they are, with those of which nothing may be given."""
        entries: list[dict[str, object]] = []
        size = done = 0
        for dot, record in self._records(dots):
            entry = None if record is None else self._entry(dot, record, prefixes)
            if entry is not None:
                size += len(canonical(entry))
                if entries and size > BATCH:
                    break
                entries.append(entry)
            done += 1
        return entries, done

    def part(self, dot: Dot, start: int, prefixes: Sequence[str]) -> bytes:
        """A part of the value of a version; empty beyond its end, and of what may not be given."""
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

    def _records(self, dots: Sequence[Dot]) -> Iterable[tuple[Dot, MemoryRecord | None]]:
        """Each of `dots` with its version, None where that is gone."""
        left = iter(dots)
        for record in self._exchange.records(dots):
            for dot in left:
                if dot == Dot(record.origin, record.epoch, record.seq, record.hlc):
                    yield dot, record
                    break
                yield dot, None
        yield from ((dot, None) for dot in left)

    def _entry(self, dot: Dot, record: MemoryRecord, prefixes: Sequence[str]) -> dict[str, object] | None:
        if not may_leave(record, prefixes):
            return None
        with self._lock:
            kept = self._signatures.get(dot)
        try:
            entry = entry_of(replace(record, signature=record.signature or kept), self._identity)
        except CisError:
            return None
        if record.signature is None and kept is None:
            with self._lock:
                self._signatures[dot] = bytes.fromhex(str(entry["sig"]))
                while len(self._signatures) > SIGNATURES:
                    self._signatures.popitem(last=False)
        return entry


def may_leave(record: MemoryRecord, prefixes: Sequence[str]) -> bool:
    """The last door: whether a version of public memory is given to a peer that is given `prefixes`.

    Nothing Sensitive has a dot, and nothing private is read here at all; what a detector knows today that was written
    before it did is held back too.
    """
    if record.index_type is IndexType.SENSITIVE or not prefixes or not record.key.startswith(tuple(prefixes)):
        return False
    return record.value is None or classify(record.key, record.value).index_type is not IndexType.SENSITIVE
