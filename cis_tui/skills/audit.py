"""The trail of what skills do with memory: kept for good, unless one tries to drown it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock

from cis_tui.core.clock import Clock

MOST = 1_000
"""Accesses of one skill in one minute that are kept; what is more is only told."""
_MINUTE = 60.0
Tell = Callable[[str, Mapping[str, object]], None]


class MemoryTrail:
    """Where the events of skills' accesses to memory go. May be called from any thread."""

    def __init__(self, keep: Tell, tell: Tell, clock: Clock) -> None:
        """`keep` stores an event, `tell` only publishes it; both return at once."""
        self._keep = keep
        self._tell = tell
        self._clock = clock
        self._minute = 0
        self._counts: Counter[object] = Counter()
        self._lock = Lock()

    def __call__(self, type: str, data: Mapping[str, object]) -> None:
        """Take one event, whose data names the skill."""
        (self._keep if self._has_room(data.get("skill")) else self._tell)(type, data)

    def _has_room(self, skill: object) -> bool:
        with self._lock:
            minute = int(self._clock() // _MINUTE)
            if minute != self._minute:
                self._minute = minute
                self._counts.clear()
            self._counts[skill] += 1
            return self._counts[skill] <= MOST
