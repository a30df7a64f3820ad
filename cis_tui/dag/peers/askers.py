"""Where a vote is asked: put to the nodes of those who hold its seats, their ballots taken, its end told."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace

from cis_tui.core.clock import Clock
from cis_tui.core.codec import dumps
from cis_tui.core.errors import Invalid, NotFound, Refused
from cis_tui.core.text import clean_line
from cis_tui.dag.history import RunHistory
from cis_tui.dag.open_decisions import OpenDecision
from cis_tui.dag.peers.line import LASTS, Topic, short
from cis_tui.dag.peers.motions import Cast, Heard, Look, Motion, motion_words, put, vote_subject
from cis_tui.dag.peers.talk import Talk
from cis_tui.dag.views import Decision, DecisionKind, DecisionStatus
from cis_tui.dag.votes import Votes

_TOLD_FOR = 3600.0
"""Seconds for which others are told that a vote has ended. Who was away for longer asks for that by itself."""
_KEPT = 500
"""Votes that have ended and are told to those who were not told yet."""

Complain = Callable[[str, str, Decision | None, str], None]
"""Shows a person what went wrong: node, words, what it is about, code."""


class Asker:
    """All votes that are asked here and in which others hold seats. On the event loop of its engine."""

    def __init__(self, talk: Talk, votes: Votes, history: RunHistory, clock: Clock, complain: Complain) -> None:
        self._talk = talk
        self._votes = votes
        self._history = history
        self._clock = clock
        self._complain = complain
        self._told: dict[tuple[str, str], str] = {}
        """Node and decision to what of it the node has acknowledged."""
        self._ended: OrderedDict[str, Decision] = OrderedDict()

    async def receive(self, did: str, cast: Cast) -> Heard:
        """Count a ballot; how the vote stands then, which is the same for one that came too late.

        Raises:
            CisError: it is none that counts, see `Votes.receive`.
        """
        decision = await self._find(did, cast.run, cast.id)
        ballot = replace(cast.ballot, reason=clean_line(cast.ballot.reason))
        if ballot != cast.ballot:
            raise Invalid("CIS-P2P-085", "the reason of a ballot is no plain text")
        if self._open(decision) is not None:
            decision = await self._votes.receive(cast.id, ballot, did)
        return Heard(self._motion(decision))

    async def stand(self, did: str, look: Look) -> Heard:
        """How a vote stands, for one who holds a seat."""
        try:
            return Heard(self._motion(await self._find(did, look.run, look.id)))
        except NotFound:
            return Heard()

    async def tell(self, did: str) -> None:
        """Put to a node what it has not acknowledged.

        Raises:
            CisError: it is away, or says no.
        """
        for decision in self.owed(did):
            if not self._talk.line.admits(did):
                what = f"{short(did)} has a seat in {decision.id}, and is not admitted"
                self._complain(did, what, decision, "CIS-P2P-088")
            mark = self._mark(did, decision)
            await self._talk.ask(did, "motion", self._motion(decision), object, topic=self._topic(decision, mark))
            self._told[did, decision.id] = mark

    def owed(self, did: str) -> list[Decision]:
        """What a node has yet to be told: votes in which it has a seat, as they are, and those that have just ended."""
        return [each for each in self._current() if did in each.holders.values() and self._is_news(did, each)]

    def to_be_told(self, me: str) -> set[str]:
        """The nodes that have yet to be told something."""
        return {
            holder
            for decision in self._current()
            for holder in decision.holders.values()
            if holder != me and self._is_news(holder, decision)
        }

    def forget(self, did: str) -> None:
        """A node may know nothing of what it was told."""
        for key in [key for key in self._told if key[0] == did]:
            del self._told[key]

    def note_end(self, decision: Decision) -> None:
        """A decision is made: that is told, if it concerns others."""
        if decision.kind is DecisionKind.ARBITRATED and self._votes.concerns_others(decision):
            self._ended[decision.id] = decision
            while len(self._ended) > _KEPT:
                self._ended.popitem(last=False)

    def _current(self) -> Iterator[Decision]:
        yield from (each.decision for each in self._votes.asked())
        now = self._clock()
        yield from (each for each in self._ended.values() if now - (each.decided_at or now) < _TOLD_FOR)

    def _is_news(self, did: str, decision: Decision) -> bool:
        return self._told.get((did, decision.id)) != self._mark(did, decision)

    def _mark(self, did: str, decision: Decision) -> str:
        """What a node has to know of a vote, in short; where words cost something, not who has voted."""
        ballots = [] if self._talk.line.pace(did) else [ballot.stakeholder for ballot in decision.ballots]
        return dumps([decision.status, decision.deadline, ballots])

    def _topic(self, decision: Decision, mark: str) -> Topic:
        is_open = decision.status is DecisionStatus.PENDING
        left = decision.deadline - self._clock() if is_open and decision.deadline is not None else LASTS
        subject = vote_subject(decision.run, decision.id)
        return Topic(
            key=f"motion {subject} {mark}",
            lasts=max(min(left, LASTS), 1.0),
            subject=subject if is_open else f"{subject}/end",
            told=motion_words(decision),
        )

    async def _find(self, did: str, run: str, id: str) -> Decision:
        """A vote that is, or was, asked here; one whose run rests has ended, since it is asked anew after that.

        Raises:
            NotFound: there is none (CIS-P2P-080).
            Refused: the node holds no seat of it (CIS-P2P-082).
        """
        open = next((each for each in self._votes.asked() if each.decision.id == id), None)
        found = open.decision if open else self._ended.get(id) or await asyncio.to_thread(self._history.decision, id)
        if found is None or found.run != run or not self._votes.concerns_others(found):
            raise NotFound("CIS-P2P-080", f'there is no vote "{clean_line(id, limit=40)}" here')
        if did not in found.holders.values():
            raise Refused("CIS-P2P-082", f"{short(did)} holds no seat of {found.id}")
        if open is None and found.status is DecisionStatus.PENDING:
            return replace(found, status=DecisionStatus.SUPERSEDED)
        return found

    def _open(self, decision: Decision) -> OpenDecision | None:
        return next((each for each in self._votes.asked() if each.decision.id == decision.id), None)

    def _motion(self, decision: Decision) -> Motion:
        open = self._open(decision)
        return put(decision, open.question.preview if open else None, self._clock())
