"""Votes between nodes: put to those who hold seats, ballots brought back, ends told.

Nothing here has to be remembered over a crash but what the journal holds: who asks says at any time how a vote stands,
and who holds a seat asks for that, and sends its ballots again, until it has ended.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from cis_tui.core.clock import Clock, Instant
from cis_tui.core.codec import decode, dumps
from cis_tui.core.errors import CisError, Invalid, NotFound, Refused
from cis_tui.core.events import Event, EventType
from cis_tui.core.identity import Identity
from cis_tui.core.text import clean_line
from cis_tui.dag.decisions import DecisionService
from cis_tui.dag.history import RunHistory
from cis_tui.dag.journal import Journal
from cis_tui.dag.open_decisions import OpenDecision
from cis_tui.dag.peers.line import Line, called, short
from cis_tui.dag.peers.motions import Cast, Look, Motion, checked, ended, put
from cis_tui.dag.peers.rate import Buckets
from cis_tui.dag.peers.talk import Said, Talk
from cis_tui.dag.verdicts import BY_DEADLINE, at_deadline
from cis_tui.dag.views import Ballot, Decision, DecisionKind, DecisionStatus

log = logging.getLogger(__name__)
PROTOCOL = "/cis/vote/1.0.0"
KIND = "vote"
AGAIN = 30.0
"""Seconds after which a node that was away, or a vote that is open, is looked at again."""
OPEN_OF_ONE = 20
"""Votes of one node that are open here at the same time."""
NEW_OF_ONE = (30, 60.0)
"""How many one node may ask at once, and seconds until it may ask one more."""
WORDS_OF_ONE = (200, 0.5)
"""The same for anything that it says about votes."""
_GRACE = 5.0
"""Seconds for which the node that asks may tell itself that its time is over."""
_TOLD_FOR = 3600.0
"""Seconds for which others are told that a vote has ended."""
_KEPT = 500
"""Votes that have ended here and are told to those who were not told yet."""
_CONCERNS = frozenset({EventType.DECISION_REQUESTED, EventType.DECISION_MADE, EventType.VOTE_CAST})


@dataclass(frozen=True, slots=True)
class Heard:
    """How a vote stands; None: it is not known."""

    motion: Motion | None = None


class VoteService:
    """Votes with other nodes of one engine. To be used on its event loop."""

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
        self._history = history
        self._journal = journal
        self._clock = clock
        self._again = again
        self._new = Buckets(*NEW_OF_ONE, timer)
        self._words = Buckets(*WORDS_OF_ONE, timer)
        self._complaints = Buckets(10, 60.0, timer)
        self._told: dict[tuple[str, str], str] = {}
        """Node and decision to what of it the node has acknowledged."""
        self._ended: OrderedDict[str, Decision] = OrderedDict()
        self._sent: set[tuple[str, str]] = set()
        """Local id and seat of ballots that the node that asks has counted."""
        self._couriers: dict[str, _Courier] = {}
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Ask again what other nodes had asked before this engine started, and go to them."""
        self._loop = asyncio.get_running_loop()
        for decision, preview in await asyncio.to_thread(self._history.foreign_votes):
            self._votes.reopen(decision, preview)
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
        for key in [key for key in self._told if key[0] == did]:
            del self._told[key]
        if did in self._couriers:
            self._couriers[did].wake()
        else:
            self._send_out()

    async def serve(self, did: str, body: bytes) -> bytes:
        """What is answered to another node, whose DID is proven.

        Raises:
            CisError: it is no question of this node to us.
        """
        if not self._words.take(did):
            raise Refused("CIS-P2P-087", f"{short(did)} says too much about votes", retryable=True)
        return await self._talk.answer(did, body, self._answer)

    async def _answer(self, did: str, said: Said) -> object:
        try:
            match said.what:
                case "motion":
                    return await self._take(did, said.as_a(Motion))
                case "ballot":
                    return await self._receive(did, said.as_a(Cast))
                case "look":
                    return await self._stand(did, said.as_a(Look))
                case _:
                    raise Invalid("CIS-P2P-091", f"nothing is known here of {said.what}")
        except CisError as error:
            log.warning("votes: %s was refused: %s (%s)", short(did), error.message, error.code)
            self._complain(did, f"{called(self._line, did)}: {error.message}", code=error.code)
            raise

    # Where it is asked

    async def _receive(self, did: str, cast: Cast) -> Heard:
        """Count a ballot; how the vote stands then, which is the same for one that came too late."""
        decision = await self._asked(cast.run, cast.id)
        self._hold_seat(decision, did)
        ballot = replace(cast.ballot, reason=clean_line(cast.ballot.reason))
        if ballot != cast.ballot:
            raise Invalid("CIS-P2P-085", "the reason of a ballot is no plain text")
        if self._open_here(decision) is None:
            return Heard(self._motion(decision))
        return Heard(self._motion(await self._votes.receive(cast.id, ballot, did)))

    async def _stand(self, did: str, look: Look) -> Heard:
        try:
            decision = await self._asked(look.run, look.id)
        except NotFound:
            return Heard()
        self._hold_seat(decision, did)
        return Heard(self._motion(decision))

    def _hold_seat(self, decision: Decision, did: str) -> None:
        if did not in decision.holders.values():
            raise Refused("CIS-P2P-082", f"{short(did)} holds no seat of {decision.id}")

    async def _asked(self, run: str, id: str) -> Decision:
        """A vote that is, or was, asked here; one whose run rests has ended, since it is asked anew after that.

        Raises:
            NotFound: there is none (CIS-P2P-080).
        """
        open = next((each for each in self._votes.asked() if each.decision.id == id), None)
        found = open.decision if open else self._ended.get(id) or await asyncio.to_thread(self._history.decision, id)
        if found is None or found.run != run or not self._votes.concerns_others(found):
            raise NotFound("CIS-P2P-080", f'there is no vote "{clean_line(id, limit=40)}" here')
        if open is None and found.status is DecisionStatus.PENDING:
            return replace(found, status=DecisionStatus.SUPERSEDED)
        return found

    def _open_here(self, decision: Decision) -> OpenDecision | None:
        return next((each for each in self._votes.asked() if each.decision.id == decision.id), None)

    def _motion(self, decision: Decision) -> Motion:
        open = self._open_here(decision)
        return put(decision, open.question.preview if open else None, self._clock())

    async def tell(self, did: str) -> None:
        """Put to a node what it has not acknowledged: votes in which it has a seat, as they are, and those that ended."""
        for decision in self._owed(did):
            if not self._line.admits(did):
                self._complain(did, f"{short(did)} has a seat in {decision.id}, and is not admitted", decision)
            await self._talk.ask(did, "motion", self._motion(decision), object)
            self._told[did, decision.id] = _mark(decision)

    def _owed(self, did: str) -> list[Decision]:
        """What a node has to be told: votes in which it has a seat, as they are, and those that ended a while ago."""
        return [each for each in self._told_of if did in each.holders.values() and self._is_news(did, each)]

    @property
    def _told_of(self) -> list[Decision]:
        """What others are told of. Who was away for longer when a vote ended asks for that by itself."""
        now = self._clock()
        ended = [each for each in self._ended.values() if now - (each.decided_at or now) < _TOLD_FOR]
        return [*(each.decision for each in self._votes.asked()), *ended]

    def _is_news(self, did: str, decision: Decision) -> bool:
        return self._told.get((did, decision.id)) != _mark(decision)

    def _complain(self, did: str, what: str, about: Decision | None = None, code: str = "CIS-P2P-088") -> None:
        """Let a person see what went wrong, as long as it does not go wrong all the time."""
        if self._complaints.take(did):
            decision = {"decision": about.id} if about else {}
            self._journal.emit(EventType.ERROR, {"peer": did, **decision, "code": code, "error": what})

    # Where a seat is held

    async def _take(self, did: str, motion: Motion) -> None:
        """Ask here what another node asks, know how it stands there, or that it has ended; recorded when this returns."""
        given = motion.decision
        open = self._votes.foreign(did, given.run, given.id)
        if open is not None:
            await self._follow(open, motion)
            return
        if given.status is not DecisionStatus.PENDING:
            return
        now = self._clock()
        decision = checked(motion, asker=did, me=self._me, name=called(self._line, did), now=now)
        if await asyncio.to_thread(self._history.foreign_vote, did, given.run, given.id) is not None:
            return  # it has ended here before
        if len(self._votes.of(did)) >= OPEN_OF_ONE or not self._new.take(did):
            what = f"{called(self._line, did)} asks for too many votes"
            raise Refused("CIS-P2P-087", what, hint="answer those that are open", retryable=True)
        if self._votes.foreign(did, given.run, given.id) is None:
            await self._votes.open(decision, motion.preview)
            self._courier(did)

    async def _follow(self, open: OpenDecision, motion: Motion | None) -> None:
        """Take over how a vote stands where it is asked; None: nothing is known of it there any more."""
        mine = open.decision
        if motion is None:
            lost = replace(mine, status=DecisionStatus.SUPERSEDED)
            await self._votes.close(open, lost, mine.asker, "the node that asked it does not know it any more")
            return
        name = mine.origin.name if mine.origin else ""
        if motion.decision.status is not DecisionStatus.PENDING:
            await self._votes.close(open, *ended(mine, motion.decision))
            return
        now = self._clock()
        told = checked(motion, asker=mine.asker, me=self._me, name=name, now=now)
        if (told.digest, told.holders, told.task) != (mine.digest, mine.holders, mine.task):
            raise Refused("CIS-P2P-092", f"{clean_line(name)} has changed what it asks under the same name")
        self._votes.update(open, told.ballots, told.deadline)

    async def bring(self, did: str) -> None:
        """Send a node the ballots that were cast here on what it asks, and see how that stands."""
        for open in self._votes.of(did):
            mine = open.decision
            if not self._line.admits(did):
                gone = replace(mine, status=DecisionStatus.SUPERSEDED)
                await self._votes.close(open, gone, self._me, "who asks is not admitted any more")
                continue
            assert mine.origin is not None
            heard: Heard | None = None
            for ballot in mine.ballots:
                if ballot.voter == self._me and (mine.id, ballot.stakeholder) not in self._sent:
                    heard = await self._deliver(did, open, ballot)
            if heard is None:
                heard = await self._talk.ask(did, "look", Look(mine.origin.run, mine.origin.id), Heard)
            if self._votes.foreign(did, mine.origin.run, mine.origin.id) is open:
                await self._follow(open, heard.motion)

    async def _deliver(self, did: str, open: OpenDecision, ballot: Ballot) -> Heard | None:
        """How the vote stands with the ballot; None if it was refused for good."""
        mine = open.decision
        assert mine.origin is not None
        try:
            heard = await self._talk.ask(did, "ballot", Cast(mine.origin.run, mine.origin.id, ballot), Heard)
        except CisError as error:
            if error.retryable or error.code == "CIS-P2P-088":
                raise
            log.warning("the ballot on %s was refused by %s: %s", mine.id, short(did), error.message)
            told = f"the ballot on {mine.id} was refused by {called(self._line, did)}: {error.message}"
            self._complain(did, told, mine, error.code)
            heard = None
        self._sent.add((mine.id, ballot.stakeholder))
        return heard

    async def lapse(self, did: str) -> float | None:
        """Close what has passed its deadline here, if who asks it does not; seconds until the next one does."""
        left: list[float] = []
        for open in self._votes.of(did):
            deadline = open.decision.deadline
            if deadline is not None and deadline + _GRACE <= self._clock():
                await self._votes.close(open, at_deadline(open.decision), BY_DEADLINE)
            elif deadline is not None:
                left.append(deadline + _GRACE - self._clock())
        return min(left, default=None)

    # Who goes

    def _hear(self, event: Event) -> None:
        """On the journal's thread: what is recorded may concern others."""
        loop = self._loop
        if event.type in _CONCERNS and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._note, event)

    def _note(self, event: Event) -> None:
        if self._closed:
            return
        if event.type == EventType.DECISION_MADE:
            self._note_end(decode(Decision, event.data["decision"]))
        self._send_out()

    def _note_end(self, decision: Decision) -> None:
        if decision.kind is DecisionKind.ARBITRATED and self._votes.concerns_others(decision):
            self._ended[decision.id] = decision
            while len(self._ended) > _KEPT:
                self._ended.popitem(last=False)

    def _send_out(self) -> None:
        """Let somebody go to each node that has a seat in what is asked here, or asks something here."""
        holders = {
            holder
            for decision in self._told_of
            for holder in decision.holders.values()
            if holder != self._me and self._is_news(holder, decision)
        }
        for did in holders | self._votes.askers:
            self._courier(did)

    def _courier(self, did: str) -> None:
        if self._closed:
            return
        if did not in self._couriers:
            self._couriers[did] = _Courier(self, did, self._again)
        self._couriers[did].wake()

    def is_done(self, did: str) -> bool:
        """Whether nothing is to be said to a node, or to be asked of it."""
        return not self._votes.of(did) and not self._owed(did)

    def dismiss(self, did: str) -> None:
        """A courier has gone home."""
        self._couriers.pop(did, None)


class _Courier:
    """Goes to one node, as often as there is something to say, or nobody was there."""

    def __init__(self, service: VoteService, did: str, again: float) -> None:
        self._service = service
        self._did = did
        self._again = again
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
            left = await self._service.lapse(self._did)
            if self._service.is_done(self._did):
                self._service.dismiss(self._did)
                return
            wait = self._again if left is None else min(left, self._again)
            try:
                async with asyncio.timeout(wait):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            await self._visit()

    async def _visit(self) -> None:
        """Say and ask all; who is not there, or says no, is visited again."""
        for errand in (self._service.tell, self._service.bring):
            try:
                await errand(self._did)
            except CisError as error:
                log.info("votes: %s: %s (%s)", short(self._did), error.message, error.code)
            except Exception:
                log.exception("votes: the talk with %s failed", short(self._did))


def _mark(decision: Decision) -> str:
    """What a node has to know of a vote, in short."""
    deadline = None if decision.deadline is None else Instant(decision.deadline).iso()
    return dumps([decision.status, deadline, [ballot.stakeholder for ballot in decision.ballots]])
