"""What was refused, kept short: the latest, alike ones as one, and how many there were."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import replace

from cis_tui.core.text import clean_line
from cis_tui.p2p.limits import Quiet
from cis_tui.p2p.model import Refusal

KEPT = 50
_PEERS = 1000


class Refusals:
    """A bounded memory of refusals; nothing that a stranger sends can make it grow."""

    def __init__(self) -> None:
        self._latest: OrderedDict[tuple[str, str], Refusal] = OrderedDict()
        self._by_peer: Counter[str] = Counter()
        self._quiet = Quiet(every=60.0, rate=0.5)
        self.total = 0

    def note(self, refusal: Refusal, now: float) -> bool:
        """Take one in; whether it should be told, which is not so for each of many alike. `now`: steady seconds."""
        reason = clean_line(refusal.reason, limit=200)
        refusal = replace(refusal, reason=reason, addr=clean_line(refusal.addr, limit=120))
        alike = (refusal.did, reason)
        before = self._latest.get(alike)
        self._latest[alike] = replace(refusal, count=before.count + 1) if before else refusal
        self._latest.move_to_end(alike)
        while len(self._latest) > KEPT:
            self._latest.popitem(last=False)
        self.total += 1
        if refusal.did and (refusal.did in self._by_peer or len(self._by_peer) < _PEERS):
            self._by_peer[refusal.did] += 1
        return self._quiet.may_say(now, *alike)

    @property
    def latest(self) -> tuple[Refusal, ...]:
        """Newest first."""
        return tuple(reversed(self._latest.values()))

    def of(self, did: str) -> tuple[int, str]:
        """How often a peer was refused, and why the last time."""
        reason = next((refusal.reason for refusal in self.latest if refusal.did == did), "")
        return self._by_peer[did], reason
