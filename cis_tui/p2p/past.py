"""How far each peer was behind, minute by minute, since the engine started: the last hour of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from threading import Lock

from cis_tui.core.clock import Instant
from cis_tui.core.latest import Latest

MINUTE = 60.0
KEPT = 60
"""Minutes."""
AWAY = -1
"""Stands for a peer with which there was no connection."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a peer stands, since when, and how it stood."""

    behind: int
    """Changes of ours that it lacks; `AWAY` while it is not connected."""
    since: Instant
    """When it came into step, fell behind or went away."""
    past: tuple[int, ...]
    """For each of the last minutes, oldest first, the present one last: `AWAY` if it was away in it, else the most that
    it was behind. At most an hour, and no more than is known."""


@dataclass(slots=True)
class _Line:
    behind: int
    since: Instant
    minute: int
    """Of the last one in `past`."""
    past: deque[int] = field(default_factory=lambda: deque[int](maxlen=KEPT))

    def forward(self, minute: int) -> None:
        """What holds has held until `minute`."""
        passed = min(KEPT, minute - self.minute)
        if passed > 0:
            self.past.extend([self.behind] * passed)
            self.minute = minute


class SyncPast:
    """What was noted of each peer; for any number of threads."""

    def __init__(self, peers: int) -> None:
        """`peers`: of how many it is remembered."""
        self._lines: Latest[str, _Line] = Latest(peers)
        self._lock = Lock()

    def note(self, did: str, behind: int, now: Instant) -> None:
        """From now on a peer is so far behind, or `AWAY`."""
        minute = int(now // MINUTE)
        with self._lock:
            line = self._lines.get(did)
            if line is None:
                line = self._lines[did] = _Line(behind, now, minute)
                line.past.append(behind)
                return
            line.forward(minute)
            if _kind(behind) != _kind(line.behind):
                line.since = now
            line.behind = behind
            line.past[-1] = AWAY if AWAY in (behind, line.past[-1]) else max(behind, line.past[-1])

    def standing(self, did: str, now: Instant) -> Standing | None:
        """What is known of a peer; None before anything was noted."""
        with self._lock:
            line = self._lines.get(did)
            if line is None:
                return None
            line.forward(int(now // MINUTE))
            return Standing(line.behind, line.since, tuple(line.past))


def _kind(behind: int) -> int:
    """Away, in step or behind."""
    return min(behind, 1)
