"""How much happens: events by the minute, without what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cis_tui.core.clock import Instant
from cis_tui.core.events import QUIET, Event

MINUTE = 60
KEPT = 24 * 60
"""Minutes."""


@dataclass(frozen=True, slots=True)
class Activity:
    """How many events there were in each of some spans of time."""

    counts: tuple[int, ...]
    """Oldest first; the last span is the one that goes on."""
    step: int
    """Seconds of one span."""
    until: Instant
    """The moment at which they were counted."""


class Pulse:
    """Counts what is news to a person. `take` is for the bus, on one thread; the rest for any."""

    def __init__(self, since: Instant) -> None:
        """`since`: from when on nothing is missed."""
        self.since = since
        self._minutes: dict[int, int] = {}

    def take(self, event: Event) -> None:
        """Count an event."""
        if event.type in QUIET:
            return
        minute = int(event.at // MINUTE)
        if minute not in self._minutes and len(self._minutes) >= KEPT:
            del self._minutes[min(self._minutes)]
        self._minutes[minute] = self._minutes.get(minute, 0) + 1

    def minutes(self) -> Mapping[int, int]:
        """Minutes since 1970 in which something happened, and how much."""
        return dict(self._minutes)


def gathered(minutes: Mapping[int, int], *, step: int, spans: int, now: Instant) -> Activity:
    """The last `spans` times `step` seconds, which are whole minutes, of counted minutes."""
    wide = max(1, step // MINUTE)
    last = int(now // MINUTE) // wide
    counts = [0] * spans
    for minute, number in minutes.items():
        index = minute // wide - last + spans - 1
        if 0 <= index < spans:
            counts[index] += number
    return Activity(tuple(counts), wide * MINUTE, now)
