"""When a node says how far it is, asks for what it has not heard, and says again what others ask for.

Pure but for the numbers of chance; times are seconds of a steady clock and passed in. What others can cause is bounded:
only who is admitted is answered, a number is said again once in a while for all who miss it, and each who asks, and all
together, have so many operations at once and so many an hour.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from random import Random

from cis_tui.matrix.ranges import Ranges, common, joined, without
from cis_tui.matrix.sayings import RANGES, Request

_ASKERS = 64
_APART = 10
"""How many times the longest wait for the first request lies between any two, at least, whatever the one asked says."""
_PUT_OFF = 2
"""Times in a row that others who ask the same are waited for."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, but for `burst` and `hourly`."""

    settle: float = 20.0
    """From the last news to the digest about it."""
    digest: float = 300.0
    """Between two digests, at least."""
    ask: tuple[float, float] = (2.0, 6.0)
    """From a hole to the first request, at least and at most: most holes close by themselves."""
    longest: float = 3600.0
    """Between two requests to one node, at most; it is twice as long each time."""
    gather: float = 0.5
    """From a request to the answer, which is one for all who miss the same."""
    again: float = 600.0
    """Until a number is said again once more."""
    burst: int = 2_000
    """Operations that one who asks may cause at once, and half of what all may."""
    hourly: int = 200
    """The same, for each hour after that."""


class Digesting:
    """When the next digest is due."""

    def __init__(self, pace: Pace, now: float) -> None:
        self._pace = pace
        self._said: object = None
        self._at: float | None = None
        self._changed = now

    def changed(self, now: float) -> None:
        """Something was said, or heard."""
        self._changed = now

    def again(self) -> None:
        """Say what was said once more."""
        self._said = None

    def due(self, state: object) -> float | None:
        """When `state` is to be said; None when it was."""
        if state == self._said:
            return None
        settled = self._changed + self._pace.settle
        return settled if self._at is None else max(settled, self._at + self._pace.digest)

    def said(self, state: object, now: float) -> None:
        """`state` was said."""
        self._said, self._at = state, now


@dataclass(slots=True)
class _Question:
    at: float
    wait: float
    """Until the one after that."""
    asked: float = -math.inf
    put_off: int = 0
    """How often in a row, since others have asked the same."""


class Asking:
    """Whom to ask for what, and when."""

    def __init__(self, pace: Pace, chance: Random) -> None:
        self._pace = pace
        self._chance = chance
        self._open: dict[str, _Question] = {}
        """By DID."""

    def hole(self, did: str, holes: Ranges, now: float) -> None:
        """What of `did` was not heard."""
        if not holes:
            self._open.pop(did, None)
        elif did not in self._open:
            wait = self._chance.uniform(*self._pace.ask)
            self._open[did] = _Question(now + wait, 4 * wait)

    def sooner(self, did: str, now: float) -> None:
        """`did` is there, and may answer now what it did not before; it is not asked much more often for that."""
        question = self._open.get(did)
        if question is not None:
            soon = max(now, question.asked + _APART * self._pace.ask[1]) + self._chance.uniform(*self._pace.ask)
            question.at = min(question.at, soon)

    def others(self, did: str, now: float) -> None:
        """Somebody has asked `did` for what is missing here too: the answer is for all."""
        question = self._open.get(did)
        if question is not None and question.put_off < _PUT_OFF:
            question.at = max(question.at, now + question.wait)
            question.put_off += 1

    def asked(self, did: str, now: float) -> None:
        """This node has asked `did`."""
        question = self._open.get(did)
        if question is not None:
            question.at = now + question.wait * self._chance.uniform(0.8, 1.2)
            question.wait = min(2 * question.wait, self._pace.longest)
            question.asked, question.put_off = now, 0

    @property
    def due(self) -> float | None:
        """When the next request is due."""
        return min((question.at for question in self._open.values()), default=None)

    def next(self, now: float) -> str:
        """The DID that is to be asked now; empty for none."""
        return next((did for did, question in self._open.items() if question.at <= now), "")


class Budget:
    """So many at once, and so many an hour after that."""

    def __init__(self, burst: float, hourly: float, now: float) -> None:
        self._burst, self._rate = burst, hourly / 3600
        self._left, self._at = burst, now

    def ready(self, now: float) -> float:
        """When one more is allowed."""
        self._left = min(self._burst, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        return now if self._left >= 1 else now + (1 - self._left) / self._rate

    def spend(self) -> None:
        """One was used."""
        self._left -= 1


class Answering:
    """What of this node's own log is to be said again, for whom, and when."""

    def __init__(self, pace: Pace, now: float) -> None:
        self._pace = pace
        self._wanted: OrderedDict[str, Ranges] = OrderedDict()
        self._since = 0.0
        self._said: list[tuple[float, Ranges]] = []
        self._all = Budget(2 * pace.burst, 2 * pace.hourly, now)
        self._each: OrderedDict[str, Budget] = OrderedDict()

    def wanted(self, who: str, ranges: Ranges, now: float) -> None:
        """`who`, who is admitted, asks for the numbers in `ranges`, all of which were given."""
        new = without(ranges, self._lately(now))
        if not new or (who not in self._wanted and len(self._wanted) >= _ASKERS):
            return
        if not self._wanted:
            self._since = now + self._pace.gather
        self._wanted[who] = joined(self._wanted.get(who, ()), new)
        if who not in self._each:
            self._each[who] = Budget(self._pace.burst, self._pace.hourly, now)
            # Who has asked for little lately comes anew with a full budget: no more than so many can.
            while len(self._each) > 4 * _ASKERS:
                self._each.popitem(last=False)

    def due(self, now: float) -> float | None:
        """When the next answer is due; None when there is none."""
        if not self._wanted:
            return None
        first = min(self._each[who].ready(now) for who in self._wanted)
        return max(self._since, first, self._all.ready(now))

    def next(self, now: float) -> Ranges:
        """The numbers that are to be said again now, for one of those who ask."""
        for who, ranges in self._wanted.items():
            if self._each[who].ready(now) <= now:
                self._wanted.move_to_end(who)
                return ranges
        return ()

    def said(self, ranges: Ranges, now: float) -> None:
        """The numbers in `ranges` were said again, for whoever was to be served next."""
        who = next((who for who in reversed(self._wanted) if common(self._wanted[who], ranges)), "")
        if who:
            self._each[who].spend()
        self._all.spend()
        self._said.append((now, ranges))
        left = {who: without(wanted, ranges) for who, wanted in self._wanted.items()}
        self._wanted = OrderedDict((who, wanted) for who, wanted in left.items() if wanted)

    def _lately(self, now: float) -> Ranges:
        self._said = [(at, ranges) for at, ranges in self._said if now - at < self._pace.again]
        return joined(*(ranges for _, ranges in self._said))


def request_for(did: str, log: str, holes: Ranges) -> Request:
    """The request for what was not heard of `did`; of many holes for the first ones."""
    return Request(did, log, holes[:RANGES])
