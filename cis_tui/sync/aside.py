"""What peers brought about whom nobody has decided yet. It is kept in memory, for none of it is acknowledged: what is
forgotten comes again. Bounded, for strangers fill it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from cis_tui.memory.dots import Dot
from cis_tui.sync.entries import Arrived, value_bytes
from cis_tui.sync.sharing import Limits

_WEIGHT = 600
"""Bytes that an entry takes beside its value, about."""


class Aside:
    """Entries held aside, by peer; for any number of threads."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = Lock()
        self._held: OrderedDict[str, dict[Dot, Arrived]] = OrderedDict()

    def hold(self, peer: str, arrived: Sequence[Arrived]) -> None:
        """Keep what fits of what `peer` brought; of more peers than fit, the one that was heard of first goes."""
        with self._lock:
            held = self._held.setdefault(peer, {})
            size = sum(map(_size, held.values()))
            for each in arrived:
                size += 0 if each.dot in held else _size(each)
                if len(held) < self._limits.held_entries and size <= self._limits.held_bytes:
                    held[each.dot] = each
            while len(self._held) > self._limits.held_peers:
                self._held.popitem(last=False)

    def keys(self, peer: str) -> tuple[str, ...]:
        """The keys of what `peer` brought: text of a stranger."""
        with self._lock:
            return tuple(dict.fromkeys(each.record.key for each in self._held.get(peer, {}).values()))

    def release(self, peer: str) -> list[Arrived]:
        """What `peer` brought, which is not held any more."""
        with self._lock:
            return list(self._held.pop(peer, {}).values())


def _size(arrived: Arrived) -> int:
    return _WEIGHT + len(value_bytes(arrived.record))
