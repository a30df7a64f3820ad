"""How much of one thing others may do: a bucket that fills again."""

from __future__ import annotations

from collections.abc import Callable

from cis_tui.core.latest import Latest

_KEPT = 4096
"""Nodes, those that came last."""


class Buckets:
    """A bucket for each node. Pure but for the clock that it is given."""

    def __init__(self, size: int, seconds: float, timer: Callable[[], float]) -> None:
        """`size` at once, and one more every so many `seconds`."""
        self._size = size
        self._seconds = seconds
        self._timer = timer
        self._left: Latest[str, tuple[float, float]] = Latest(_KEPT)

    def take(self, who: str) -> bool:
        """Whether there was one left."""
        now = self._timer()
        left, at = self._left.get(who, (float(self._size), now))
        left = min(self._size, left + (now - at) / self._seconds)
        self._left[who] = (left - 1 if left >= 1 else left, now)
        return left >= 1
