"""Countdowns that nobody misses: one that could not be seen for a while starts anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

BEAT = 1.0
"""Seconds between two looks at the clock while something counts down."""
BLIND = 5.0
"""Seconds by which a look may come late; later, the machine slept or the engine stood, and nobody could answer."""
DRIFT = 2.0
"""Seconds by which the wall clock may go astray before the deadlines that are shown are corrected."""


def awake_or_asleep() -> float:
    """Seconds that only grow, also while the machine sleeps, where the system can tell them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(slots=True)
class _Running:
    seconds: float
    """What it was opened for."""
    ends: float


class Countdowns:
    """Counts down for any number of things by one timer, which runs only while there is one."""

    def __init__(
        self,
        *,
        over: Callable[[str], object],
        moved: Callable[[list[str], bool], object],
        timer: Callable[[], float] = awake_or_asleep,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`over` is told the id of one that has ended. `moved` is told those whose deadline became another one: with
        True as they start anew, with False as the wall clock was set. `timer` counts the time that machine sleeps too.
        """
        self._over = over
        self._moved = moved
        self._timer = timer
        self._wall = wall
        self._running: dict[str, _Running] = {}
        self._beat: asyncio.TimerHandle | None = None
        self._due = 0.0
        """When the next look is to be, in the time of `timer`."""
        self._offset = 0.0
        """Wall clock minus `timer` at the last look."""

    def __contains__(self, id: str) -> bool:
        return id in self._running

    def start(self, id: str, seconds: float, *, left: float | None = None) -> None:
        """Count down `seconds`, or the `left` ones of them."""
        self._running[id] = _Running(seconds, self._timer() + (seconds if left is None else left))
        self._schedule()

    def left(self, id: str) -> float:
        """Seconds that are left of one that runs."""
        if self._timer() - self._due > BLIND:
            self.look()
        return max(self._running[id].ends - self._timer(), 0.0)

    def stop(self, id: str) -> None:
        """Count no further."""
        self._running.pop(id, None)
        if not self._running:
            self._cancel()

    def look(self) -> None:
        """See what time it is: end what is over, or start all anew when nobody could see it for a while."""
        now = self._timer()
        late, self._due = now - self._due, now
        astray = abs(self._wall() - now - self._offset) > DRIFT
        if late > BLIND:
            for running in self._running.values():
                running.ends = now + running.seconds
        if self._running and (late > BLIND or astray):
            self._moved(list(self._running), late > BLIND)
        for id in [id for id, running in self._running.items() if running.ends <= now]:
            self.stop(id)
            self._over(id)
        self._cancel()
        self._schedule()

    def _schedule(self) -> None:
        """Look again in a moment, or as soon as the next one ends."""
        if not self._running:
            return
        now = self._timer()
        wait = min(BEAT, max(min(running.ends for running in self._running.values()) - now, 0.0))
        if self._beat is None:
            self._offset = self._wall() - now
        elif self._due <= now + wait:
            return
        self._cancel()
        self._due = now + wait
        self._beat = asyncio.get_running_loop().call_later(wait, self.look)

    def _cancel(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
            self._beat = None
