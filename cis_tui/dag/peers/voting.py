"""Votes between nodes.

Nothing here has to be remembered over a crash but what the journal holds: who asks says at any time how a vote stands,
and who holds a seat asks for that, and sends its ballots again, until it has ended.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from cis_tui.core.clock import Clock
from cis_tui.core.codec import decode
from cis_tui.core.errors import CisError, Invalid
from cis_tui.core.events import Event, EventType
from cis_tui.core.identity import Identity
from cis_tui.dag.decisions import DecisionService
from cis_tui.dag.history import RunHistory
from cis_tui.dag.journal import Journal
from cis_tui.dag.peers.askers import Asker
from cis_tui.dag.peers.line import Line, called, short
from cis_tui.dag.peers.motions import Cast, Look, Motion, later
from cis_tui.dag.peers.rate import Buckets
from cis_tui.dag.peers.seats import SLOW, Seats
from cis_tui.dag.peers.talk import Said, Talk
from cis_tui.dag.views import Decision

log = logging.getLogger(__name__)
PROTOCOL = "/cis/vote/1.0.0"
KIND = "vote"
AGAIN = 30.0
"""Seconds after which a node that was away, or a vote that is open, is looked at again."""
WORDS_OF_ONE = (200, 0.5)
"""How much one node may say about votes at once, and seconds until it may say more."""
COMPLAINTS_OF_ONE = (10, 60.0)
_CONCERNS = frozenset({EventType.DECISION_REQUESTED, EventType.DECISION_MADE, EventType.VOTE_CAST})


class VoteService:
    """Votes of one engine with other nodes. To be used on its event loop."""

    def __init__(
        self,
        *,
        line: Line,
        identity: Identity,
        decisions: DecisionService,
        history: RunHistory,
        journal: Journal,
        clock: Clock,
        again: float = AGAIN,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """`again`: seconds, see `AGAIN`."""
        self._line = line
        self._me = identity.did
        self._talk = Talk(line, identity, PROTOCOL, KIND)
        self._votes = decisions.votes
        self._journal = journal
        self._again = again
        self._words = Buckets(*WORDS_OF_ONE, timer)
        self._complaints = Buckets(*COMPLAINTS_OF_ONE, timer)
        self.asker = Asker(self._talk, self._votes, history, clock, self._complain)
        self.seats = Seats(self._talk, self._votes, history, clock, self._complain, me=self._me, timer=timer)
        self._couriers: dict[str, _Courier] = {}
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Ask again what other nodes had asked before this engine started, and go to them."""
        self._loop = asyncio.get_running_loop()
        await self.seats.begin()
        self._unsubscribe = self._journal.bus.subscribe(self._hear)
        self._send_out()

    async def close(self) -> None:
        """Say nothing more. What is open stays so, in the journal."""
        self._closed = True
        self._unsubscribe()
        for courier in tuple(self._couriers.values()):
            await courier.close()

    def connected(self, did: str) -> None:
        """A node is there again: it may have forgotten what it was told."""
        self.asker.forget(did)
        self.seats.forget(did)
        self._send_out(did)

    def answered(self, did: str) -> None:
        """A node has said something for which nobody waited any more: it is asked again, and the line has it."""
        self._send_out(did)

    async def serve(self, did: str, body: bytes, *, age: float = 0.0) -> bytes:
        """What is answered to another node, whose DID is proven; nothing if it says too much, or it is no question.

        `age`: the seconds that it was on its way.
        """
        if not self._words.take(did):
            log.debug("votes: %s says too much", short(did))
            return b""
        try:
            return await self._talk.answer(did, body, self._answer, age=age)
        except CisError as error:
            log.info("votes: %s asks what is no question: %s (%s)", short(did), error.message, error.code)
            return b""

    async def _answer(self, did: str, said: Said) -> object:
        try:
            match said.what:
                case "motion":
                    await self.seats.take(did, later(said.as_a(Motion), said.age))
                    return None
                case "ballot":
                    return await self.asker.receive(did, said.as_a(Cast))
                case "look":
                    return await self.asker.stand(did, said.as_a(Look))
                case _:
                    raise Invalid("CIS-P2P-091", f"nothing is known here of {said.what}")
        except CisError as error:
            log.warning("votes: %s was refused: %s (%s)", short(did), error.message, error.code)
            self._complain(did, f"{called(self._line, did)}: {error.message}", None, error.code)
            raise

    def _complain(self, did: str, what: str, about: Decision | None, code: str) -> None:
        """Let a person see what went wrong, as long as it does not go wrong all the time."""
        if self._complaints.take(did):
            decision = {"decision": about.id} if about else {}
            self._journal.emit(EventType.ERROR, {"peer": did, **decision, "code": code, "error": what})

    # Who goes

    def _hear(self, event: Event) -> None:
        """On the journal's thread: what is recorded may concern others."""
        loop = self._loop
        if event.type in _CONCERNS and loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._note, event)

    def _note(self, event: Event) -> None:
        if event.type == EventType.DECISION_MADE:
            self.asker.note_end(decode(Decision, event.data["decision"]))
        self._send_out()

    def _send_out(self, only: str = "") -> None:
        """Let somebody go to each node that has yet to be told something, or asks something here."""
        for did in self.asker.to_be_told(self._me) | self._votes.askers:
            if self._closed or only not in ("", did):
                continue
            if did not in self._couriers:
                self._couriers[did] = _Courier(self, did)
            self._couriers[did].wake()

    def is_done(self, did: str) -> bool:
        """Whether nothing is to be said to a node, or to be asked of it."""
        return not self._votes.of(did) and not self.asker.owed(did)

    def again(self, did: str) -> float:
        """Seconds after which a node is looked for again when nothing has changed."""
        return max(self._again, SLOW * self._line.pace(did))

    def dismiss(self, did: str) -> None:
        """A courier has gone home."""
        self._couriers.pop(did, None)


class _Courier:
    """Goes to one node, as often as there is something to say, or nobody was there."""

    def __init__(self, service: VoteService, did: str) -> None:
        self._service = service
        self._did = did
        self._news = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._go())

    def wake(self) -> None:
        """There is something to say."""
        self._news.set()

    async def close(self) -> None:
        """Go no more."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _go(self) -> None:
        while True:
            left = await self._errand(self._service.seats.lapse)
            if self._service.is_done(self._did):
                self._service.dismiss(self._did)
                return
            again = self._service.again(self._did)
            with suppress(TimeoutError):
                async with asyncio.timeout(again if left is None else min(left, again)):
                    await self._news.wait()
            self._news.clear()
            await self._errand(self._service.asker.tell)
            await self._errand(self._service.seats.bring)

    async def _errand(self, errand: Callable[[str], Awaitable[float | None]]) -> float | None:
        """Who is not there, or says no, is visited again."""
        try:
            return await errand(self._did)
        except CisError as error:
            log.info("votes: %s: %s (%s)", short(self._did), error.message, error.code)
        except Exception:
            log.exception("votes: the talk with %s failed", short(self._did))
        return None
