"""How long to wait before the next attempt: exponential backoff, capped, with full jitter on request."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how soon a failed attempt is made again."""

    max: int = 0
    """Attempts after the first one."""
    backoff: float = 1.0
    """Seconds before the first of them."""
    factor: float = 2.0
    """By which each wait is longer than the one before."""
    max_delay: float = 60.0
    """Seconds that no wait exceeds."""
    jitter: bool = True
    """Whether a wait is shortened by chance, so that many do not return at the same moment."""

    def delay(self, failed: int, *, chance: float | None = None) -> float:
        """Seconds to wait after `failed` attempts have failed (1 or more).

        `chance`, from 0 to 1, is where in the upper half of the wait the jitter falls; drawn when not given.
        """
        exponent = min(max(failed - 1, 0), 64)
        wait = min(self.backoff * self.factor**exponent, self.max_delay)
        if not self.jitter:
            return wait
        return wait * (0.5 + 0.5 * (random.random() if chance is None else chance))
