"""Public memory in a room: what is said there, what is taken from there, and how what was missed comes after all.

`RoomMemory` knows no network. What needs one are generators: they yield a large value to be brought to a server (and
are sent its place), or a place to be fetched from (and are sent the value, None where it cannot be had). Whatever is
said may be lost, doubled, late or in any order, and may come by other ways too, with the same end: versions are merged,
and numbers noted, only after all that they stand for is durable.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from random import Random
from time import monotonic

from cis_tui.core.clock import Clock
from cis_tui.matrix.digest import Answering, Asking, Digesting, Pace
from cis_tui.matrix.hearing import Fetch, Hearing
from cis_tui.matrix.memory_ledger import MemoryLedger, Run
from cis_tui.matrix.memory_model import MatrixMemory, MemorySync
from cis_tui.matrix.memory_news import MemoryNews, Relay
from cis_tui.matrix.memory_parts import MemoryParts
from cis_tui.matrix.ranges import count, whole
from cis_tui.matrix.sayings import DIGEST, MEMORY, Data
from cis_tui.matrix.speaking import Speaking
from cis_tui.memory.exchange import Exchange
from cis_tui.sync.inbox import Inbox
from cis_tui.sync.outbox import Outbox
from cis_tui.sync.sharing import Access, Policy


class RoomMemory:
    """One node's part in it; for one thread at a time."""

    def __init__(
        self,
        *,
        room: str,
        own: str,
        exchange: Exchange,
        outbox: Outbox,
        inbox: Inbox,
        policy: Policy,
        run: Run,
        share: Sequence[str],
        members: Callable[[], Collection[str]],
        clock: Clock,
        healing: Callable[[], bool] = lambda: False,
        on_event: Callable[[str, Mapping[str, object]], object] = lambda kind, data: None,
        steady: Callable[[], float] = monotonic,
        chance: Random | None = None,
        pace: Pace | None = None,
        relay: Relay | None = None,
    ) -> None:
        """`members`: the DIDs of who is in the room, and this node's `own`; for the rest see `MemoryParts`."""
        pace, chance, now = pace or Pace(), chance or Random(), steady()
        self._members = members
        ledger = MemoryLedger(run, room, clock)
        news = MemoryNews(
            exchange=exchange,
            ledger=ledger,
            room=room,
            own=own,
            share=share,
            members=members,
            steady=steady,
            chance=chance,
            relay=relay or Relay(),
        )
        self._parts = parts = MemoryParts(
            room=room,
            own=own,
            share=tuple(share),
            exchange=exchange,
            outbox=outbox,
            inbox=inbox,
            policy=policy,
            ledger=ledger,
            news=news,
            asking=Asking(pace, chance),
            answering=Answering(pace, now),
            digesting=Digesting(pace, now),
            healing=healing,
            on_event=on_event,
            steady=steady,
            clock=clock,
        )
        self.speaking = Speaking(parts)
        self._hearing = Hearing(parts)
        self._settle = pace.settle
        self._peer = f"matrix:{room}"
        self.lost = bool(ledger.members) and exchange.standing(self._peer).scope != ledger.log
        """Whether memory was begun anew since the room was heard: what was said there is to be read again."""
        self._noted = False
        if self.lost:
            ledger.hear_all_again()
        self._present: set[str] = set()
        self._known = {did for did in ledger.members if policy.access(did) is Access.FULL}
        for did, member in ledger.members.items():
            parts.asking.hole(did, member.holes, now)

    def take(self, kind: str, did: str, data: Data) -> Generator[Fetch, bytes | None, None]:
        """Take what `did` has said.

        Raises:
            Refused: it is not admitted (CIS-SYNC-033), or brings too much (CIS-SYNC-020).
            CisError: it is not what nodes say (CIS-MATRIX-070, 071), or memory cannot be written.
        """
        if kind == MEMORY:
            yield from self._hearing.take(did, data)
        elif kind == DIGEST:
            self._hearing.digest(did, data)
        else:
            self._hearing.request(did, data)

    def look(self) -> None:
        """See who was admitted since: all that those have said is asked for. To be called now and then."""
        self._note_log()
        present = {did for did in self._members() if did != self._parts.own}
        admitted = {did for did in present | self._known if self._parts.policy.access(did) is Access.FULL}
        for did in admitted - self._known:
            # Who has just come says soon how far it is.
            self.hear_again(did, after=0.0 if did in self._present else self._settle)
        self._known, self._present = admitted, present

    def hear_again(self, did: str, *, after: float = 0.0) -> None:
        """Ask for all that `did` has said, in `after` seconds: what is taken from it was changed."""
        parts = self._parts
        parts.ledger.hear_again(did)
        parts.asking.hole(did, parts.ledger.member(did).holes, parts.steady() + after)

    def status(self) -> MatrixMemory:
        """How far this node and the others in the room are."""
        parts = self._parts
        members = [
            MemorySync(did, whole(member.ranges), member.last, count(member.holes), member.told)
            if member.log
            else MemorySync(did, 0, 0, 0, member.told)
            for did, member in parts.ledger.members.items()
        ]
        return MatrixMemory(parts.ledger.last, parts.news.waiting, parts.healed, parts.answered, tuple(members))

    def prune(self) -> int:
        """Forget what nobody is given again; to be called now and then."""
        return 0 if self.lost else self._parts.ledger.prune(self._parts.exchange.newest)

    def _note_log(self) -> None:
        """Note beside public memory, which may be lost with it, that what is heard goes there."""
        exchange, log = self._parts.exchange, self._parts.ledger.log
        if not self._noted:
            exchange.note(self._peer, scope=log)
            self._noted = exchange.standing(self._peer).scope == log
