"""What speaking and hearing in a room share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cis_tui.core.clock import Clock
from cis_tui.matrix.digest import Answering, Asking, Digesting
from cis_tui.matrix.memory_ledger import MemoryLedger
from cis_tui.matrix.memory_news import MemoryNews
from cis_tui.matrix.ranges import whole
from cis_tui.memory.exchange import Exchange
from cis_tui.sync.inbox import Inbox
from cis_tui.sync.outbox import Outbox
from cis_tui.sync.sharing import Policy


@dataclass(slots=True)
class MemoryParts:
    """One node in one room; for one thread at a time."""

    room: str
    own: str
    """The DID of this node."""
    share: tuple[str, ...]
    exchange: Exchange
    outbox: Outbox
    inbox: Inbox
    policy: Policy
    ledger: MemoryLedger
    news: MemoryNews
    asking: Asking
    answering: Answering
    digesting: Digesting
    healing: Callable[[], bool]
    """Whether parts of the room's timeline are still to come, so that it is too early to ask for anything."""
    on_event: Callable[[str, Mapping[str, object]], object]
    steady: Callable[[], float]
    clock: Clock
    healed: int = 0
    answered: int = 0

    def heard(self) -> dict[str, tuple[str, int]]:
        """How far the others were heard: the log of each, and the number up to which nothing is missing."""
        return {did: (each.log, whole(each.ranges)) for did, each in self.ledger.members.items() if each.log}

    def state(self) -> object:
        """What a digest says."""
        return self.ledger.last, *sorted((did, *far) for did, far in self.heard().items())
