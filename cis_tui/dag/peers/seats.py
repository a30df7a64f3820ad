"""Where a seat is held: the votes of other nodes are asked here, and what a person answers is brought to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from cis_tui.core.clock import Clock
from cis_tui.core.errors import CisError, Refused
from cis_tui.core.latest import Latest
from cis_tui.core.text import clean_line
from cis_tui.dag.history import RunHistory
from cis_tui.dag.open_decisions import OpenDecision
from cis_tui.dag.peers.askers import Complain
from cis_tui.dag.peers.line import Topic, called, short
from cis_tui.dag.peers.motions import Cast, Heard, Look, Motion, checked, ended
from cis_tui.dag.peers.rate import Buckets
from cis_tui.dag.peers.talk import NOT_ADMITTED, Talk
from cis_tui.dag.verdicts import BY_DEADLINE, at_deadline
from cis_tui.dag.views import Ballot, Decision, DecisionStatus
from cis_tui.dag.votes import Votes

log = logging.getLogger(__name__)
OPEN_OF_ONE = 20
"""Votes of one node that are open here at the same time."""
NEW_OF_ONE = (30, 60.0)
"""How many one node may ask at once, and seconds until it may ask one more."""
SLOW = 60
"""Paces of a line on which words cost something after which it is asked how a vote stands that nothing was heard of."""
_KEPT = 4096
"""Ballots of which it is remembered that they were brought; another is brought once more, which changes nothing."""
_GRACE = 5.0
"""Seconds for which the node that asks may tell itself that its time is over."""


class Seats:
    """All votes of other nodes in which a seat is held here. On the event loop of its engine."""

    def __init__(
        self,
        talk: Talk,
        votes: Votes,
        history: RunHistory,
        clock: Clock,
        complain: Complain,
        *,
        me: str,
        timer: Callable[[], float],
    ) -> None:
        self._talk = talk
        self._votes = votes
        self._history = history
        self._clock = clock
        self._complain = complain
        self._me = me
        self._new = Buckets(*NEW_OF_ONE, timer)
        self._brought: Latest[tuple[str, str], None] = Latest(_KEPT)
        """Local id and seat of ballots that the node that asks has, or has refused for good."""
        self._heard: dict[tuple[str, str, str], float] = {}
        """Asker, and run and id there, to when it was last known how the vote stands."""
        self._timer = timer
        self._opening = asyncio.Lock()

    async def begin(self) -> None:
        """Ask again what other nodes had asked before this engine started."""
        for decision, preview in await asyncio.to_thread(self._history.foreign_votes):
            self._votes.reopen(decision, preview)

    async def take(self, did: str, motion: Motion) -> None:
        """Ask here what another node asks, or know how it stands there, or that it has ended: recorded after that.

        Raises:
            CisError: it cannot be shown, or is too much (CIS-P2P-085 to 087), or another one by the same name (092).
        """
        async with self._opening:
            given = motion.decision
            open = self._votes.foreign(did, given.run, given.id)
            if open is not None:
                await self._follow(open, motion)
            elif given.status is DecisionStatus.PENDING:
                await self._open(did, motion)

    def forget(self, did: str) -> None:
        """What is known of the votes of a node may be old."""
        for key in [key for key in self._heard if key[0] == did]:
            del self._heard[key]

    async def _open(self, did: str, motion: Motion) -> None:
        given, name = motion.decision, called(self._talk.line, did)
        decision = checked(motion, asker=did, me=self._me, name=name, now=self._clock())
        if await asyncio.to_thread(self._history.foreign_vote, did, given.run, given.id) is not None:
            return  # it has ended here before
        if len(self._votes.of(did)) >= OPEN_OF_ONE or not self._new.take(did):
            hint = "answer those that are open"
            raise Refused("CIS-P2P-087", f"{name} asks for too many votes", hint=hint, retryable=True)
        self._heard = {key: at for key, at in self._heard.items() if self._votes.foreign(*key)}
        self._heard[_key(decision)] = self._timer()
        await self._votes.open(decision, motion.preview)

    async def _follow(self, open: OpenDecision, motion: Motion | None) -> None:
        """Take over how a vote stands where it is asked; None: nothing is known of it there any more."""
        mine = open.decision
        self._heard[_key(mine)] = self._timer()
        name = mine.origin.name if mine.origin else ""
        if motion is None:
            lost = replace(mine, status=DecisionStatus.SUPERSEDED)
            await self._votes.close(open, lost, mine.asker, "the node that asked it does not know it any more")
            return
        if motion.decision.status is not DecisionStatus.PENDING:
            await self._votes.close(open, *ended(mine, motion.decision))
            return
        told = checked(motion, asker=mine.asker, me=self._me, name=name, now=self._clock())
        if (told.digest, told.holders, told.task) != (mine.digest, mine.holders, mine.task):
            raise Refused("CIS-P2P-092", f"{clean_line(name)} has changed what it asks under the same name")
        self._votes.update(open, told.ballots, told.deadline)

    async def bring(self, did: str) -> None:
        """Send a node the ballots that were cast here on what it asks, and see how that stands.

        Raises:
            CisError: it is away.
        """
        for open in self._votes.of(did):
            mine = open.decision
            if not self._talk.line.admits(did):
                gone = replace(mine, status=DecisionStatus.SUPERSEDED)
                await self._votes.close(open, gone, self._me, "who asks is not admitted any more")
                continue
            assert mine.origin is not None
            heard: Heard | None = None
            for ballot in mine.ballots:
                if ballot.voter == self._me and (mine.id, ballot.stakeholder) not in self._brought:
                    heard = await self._deliver(did, open, ballot)
            if heard is None:
                if not self._may_look(did, mine):
                    continue
                topic = Topic(key=f"look {mine.origin.run} {mine.origin.id}")
                heard = await self._talk.ask(did, "look", Look(mine.origin.run, mine.origin.id), Heard, topic=topic)
            async with self._opening:
                if self._votes.foreign(did, mine.origin.run, mine.origin.id) is open:
                    await self._follow(open, heard.motion)

    def _may_look(self, did: str, vote: Decision) -> bool:
        heard = self._heard.get(_key(vote))
        return heard is None or self._timer() - heard >= SLOW * self._talk.line.pace(did)

    async def _deliver(self, did: str, open: OpenDecision, ballot: Ballot) -> Heard | None:
        """How the vote stands with the ballot; None if it was refused for good."""
        mine = open.decision
        assert mine.origin is not None
        heard: Heard | None = None
        try:
            cast = Cast(mine.origin.run, mine.origin.id, ballot)
            topic = Topic(key=f"ballot {cast.run} {cast.id} {ballot.stakeholder}")
            heard = await self._talk.ask(did, "ballot", cast, Heard, topic=topic)
        except CisError as error:
            if error.retryable or error.code == NOT_ADMITTED:
                raise
            log.warning("the ballot on %s was refused by %s: %s", mine.id, short(did), error.message)
            told = f"the ballot on {mine.id} was refused by {called(self._talk.line, did)}: {error.message}"
            self._complain(did, told, mine, error.code)
        self._brought[mine.id, ballot.stakeholder] = None
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


def _key(vote: Decision) -> tuple[str, str, str]:
    assert vote.origin is not None
    return vote.asker, vote.origin.run, vote.origin.id
