"""What there is to tell a room: what this node has made at once, what others made only if nobody else says it.

It is derived: the mark up to which the room was told (`memory.exchange`, under the name of the room), public memory
after it, and what the room has (`memory_ledger`). The mark stops before the first version that is still to be said, so
that a restart finds it again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from random import Random

from cis_tui.matrix.memory_ledger import MemoryLedger
from cis_tui.memory.dots import Dot
from cis_tui.memory.exchange import Exchange

MOST = 20_000
"""Versions of others that wait at once; while there are more, nothing behind them is looked at."""


@dataclass(frozen=True, slots=True)
class Relay:
    """How long it is waited for others to say what they may know as well; seconds, at least and at most."""

    absent: tuple[float, float] = (1.0, 8.0)
    """When who made it is not in the room."""
    present: tuple[float, float] = (300.0, 900.0)
    """When who made it is in the room, and says it there unless it is gone for good."""


class MemoryNews:
    """What waits to be said in one room; for one thread at a time."""

    def __init__(
        self,
        *,
        exchange: Exchange,
        ledger: MemoryLedger,
        room: str,
        own: str,
        share: Sequence[str],
        members: Callable[[], Collection[str]],
        steady: Callable[[], float],
        chance: Random,
        relay: Relay,
    ) -> None:
        """`own`: the DID of this node; `share`: beginnings of keys; `members`: the DIDs of who is in the room."""
        self._exchange = exchange
        self._ledger = ledger
        self._peer = f"matrix:{room}"
        self._own = own
        self._share = tuple(share)
        self._members = members
        self._steady = steady
        self._chance = chance
        self._relay = relay
        self._seen = -1
        self._looked = self._noted = exchange.standing(self._peer).told
        self._mine: dict[Dot, str] = {}
        """What this node made, each with the mark before it."""
        self._others: dict[Dot, tuple[str, float]] = {}
        """What others made, with the mark before it and the time at which it is said."""

    @property
    def waiting(self) -> int:
        """How many versions are to be said, or may have to be."""
        return len(self._mine) + len(self._others)

    @property
    def due(self) -> float | None:
        """When something is to be said; None when nothing waits."""
        if self._mine:
            return 0.0
        return min((at for _, at in self._others.values()), default=None)

    def next(self, limit: int) -> list[Dot]:
        """The next versions to be said, at most `limit`."""
        self._look()
        mine = list(self._mine)[:limit]
        now = self._steady()
        return mine or [dot for dot, (_, at) in self._others.items() if at <= now][:limit]

    def settled(self, dots: Collection[Dot]) -> None:
        """The room has these, or they are to be said no more."""
        for dot in dots:
            self._mine.pop(dot, None)
            self._others.pop(dot, None)
        self._note()

    def _look(self) -> None:
        """Take in what was written since, by whatever process."""
        changes = self._exchange.changes()
        if changes == self._seen:
            return
        # What was found together is said together.
        wait = {True: self._chance.uniform(*self._relay.present), False: self._chance.uniform(*self._relay.absent)}
        members, now, more = self._members(), self._steady(), True
        while more and len(self._others) < MOST:
            page = self._exchange.page(self._looked, self._share)
            if page.start != self._looked:
                # The catalogue, or what is shared, is another one. What the room has is known from the ledger.
                self._mine.clear()
                self._others.clear()
            unsaid = self._ledger.unsaid(offer.dot for offer in page.offers)
            mark = page.start
            for offer in page.offers:
                if offer.dot in unsaid and offer.dot.origin == self._own:
                    self._mine[offer.dot] = mark
                elif offer.dot in unsaid:
                    self._others[offer.dot] = mark, now + wait[offer.dot.origin in members]
                mark = offer.mark
            self._looked, more = page.next, page.more
        self._seen = -1 if more else changes
        self._note()

    def _note(self) -> None:
        """Keep the mark before the first version that waits."""
        marks = [next(iter(self._mine.values()), None), next((mark for mark, _ in self._others.values()), None)]
        waiting = [mark for mark in marks if mark is not None]
        mark = min(waiting, key=_position) if waiting else self._looked
        if mark != self._noted:
            self._exchange.note(self._peer, told=mark)
            self._noted = mark


def _position(mark: str) -> int:
    """Where a mark of this node's own lies, see `memory.exchange`; the empty one is before all."""
    return int(mark.split(".")[2]) if mark else 0
