"""Bounds on what a peer can cause: how often, how many, how loudly. Time is passed in."""

from __future__ import annotations

from collections import OrderedDict


class Allowance:
    """So many at once, and so many a second after that."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst = rate, burst
        self._left, self._at = burst, now

    def take(self, now: float) -> bool:
        """Whether one more is allowed at `now` (seconds)."""
        self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Allowances:
    """An allowance for each of those who came last."""

    def __init__(self, rate: float, burst: float, *, keep: int = 1024) -> None:
        self._rate, self._burst, self._keep = rate, burst, keep
        self._of: OrderedDict[str, Allowance] = OrderedDict()

    def take(self, who: str, now: float) -> bool:
        """Whether `who` is allowed one more at `now` (seconds)."""
        allowance = self._of.get(who) or Allowance(self._rate, self._burst, now)
        self._of[who] = allowance
        self._of.move_to_end(who)
        while len(self._of) > self._keep:
            self._of.popitem(last=False)
        return allowance.take(now)


class Quiet:
    """Says a thing at once, and again only after a while, so that no stranger fills a log."""

    def __init__(self, *, every: float = 10.0, rate: float = 20.0, keep: int = 1024) -> None:
        self._every, self._keep = every, keep
        self._said: OrderedDict[tuple[str, ...], float] = OrderedDict()
        self._all = Allowance(rate, rate * 5, 0.0)

    def may_say(self, now: float, *what: str) -> bool:
        """Whether `what` should be said at `now` (seconds)."""
        before = self._said.get(what)
        if before is not None and now - before < self._every:
            return False
        if not self._all.take(now):
            return False
        self._said[what] = now
        self._said.move_to_end(what)
        while len(self._said) > self._keep:
            self._said.popitem(last=False)
        return True
