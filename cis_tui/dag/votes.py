"""The decisions that are made by votes: those that are asked here, and those of other nodes with a seat held here."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cis_tui.core.clock import Clock, Instant
from cis_tui.core.codec import encode
from cis_tui.core.errors import CisError, NotFound, Refused
from cis_tui.core.events import EventType
from cis_tui.core.identity import Identity
from cis_tui.core.text import clean_line
from cis_tui.dag.ballots import ballot_holds, sign_ballot
from cis_tui.dag.inspection import Preview
from cis_tui.dag.journal import Change, Journal
from cis_tui.dag.model import Level, LevelKind
from cis_tui.dag.open_decisions import OpenDecision, OpenDecisions
from cis_tui.dag.questions import Question
from cis_tui.dag.tally import Verdict
from cis_tui.dag.verdicts import count, decision_data, vote_data, voting_seats
from cis_tui.dag.views import Ballot, Choice, Decision, DecisionStatus, Subject

_SAME = 2.0
"""Seconds by which a deadline seems to be another one since messages take their time."""


class Votes:
    """Casts ballots, here and for others. To be used on the event loop of its `DecisionService` only."""

    def __init__(self, open: OpenDecisions, journal: Journal, identity: Identity, clock: Clock) -> None:
        self._open = open
        self._journal = journal
        self._identity = identity
        self._clock = clock
        self._receiving = asyncio.Lock()

    async def vote(self, id: str, choice: Choice, *, seat: str = "", reason: str = "") -> Decision:
        """See `DecisionService.vote`."""
        open = self._open.find(id)
        now = self._clock()
        ballots = [
            sign_ballot(
                open.decision, Ballot(name, choice, self._identity.did, now, clean_line(reason)), self._identity
            )
            for name in voting_seats(open.decision, seat)
        ]
        return await self._cast(open, *ballots)

    async def receive(self, id: str, ballot: Ballot, voter: str) -> Decision:
        """Count a ballot from the node of `voter`; it is recorded when this returns, also one that came before.

        Raises:
            NotFound: there is no such decision (CIS-DAG-050), or seat (CIS-P2P-081).
            Refused: it is not open (CIS-DAG-051), the seat is another's (CIS-P2P-082), the voter has not signed this
                (CIS-P2P-083), or has voted otherwise (CIS-P2P-084).
        """
        async with self._receiving:
            open = self._open.find(id)
            return open.decision if accept(open.decision, ballot, voter) else await self._cast(open, ballot)

    async def _cast(self, open: OpenDecision, *ballots: Ballot) -> Decision:
        """Add ballots that hold, and close the decision if that makes it; a vote of another node is counted there."""
        earlier = open.decision
        open.decision = replace(earlier, ballots=(*earlier.ballots, *ballots))
        changes: list[Change] = [(EventType.VOTE_CAST, vote_data(open.decision, ballot)) for ballot in ballots]
        verdict = Verdict.OPEN if open.decision.origin else count(open.decision)
        if verdict is Verdict.OPEN:
            try:
                await self._journal.record_all(changes)
            except CisError:  # whoever is cancelled here has had it written all the same
                left = tuple(each for each in open.decision.ballots if each not in ballots)
                open.decision = replace(open.decision, ballots=left)
                raise
            self._tell(open)
            return open.decision
        status = DecisionStatus.APPROVED if verdict is Verdict.APPROVED else DecisionStatus.REJECTED
        voters = ", ".join(sorted({ballot.voter for ballot in open.decision.ballots}))
        self._open.close(open, replace(open.decision, status=status), voters)
        return await self._open.tell(open, changes)

    # Of other nodes

    def foreign(self, asker: str, run: str, id: str) -> OpenDecision | None:
        """The open vote that the node `asker` calls `id`."""
        return next((each for each in self.of(asker) if _is(each.decision, run, id)), None)

    def of(self, asker: str) -> list[OpenDecision]:
        """The open votes of another node."""
        return [each for each in self._open if each.decision.origin and each.decision.asker == asker]

    @property
    def askers(self) -> set[str]:
        """The other nodes of which votes are open here."""
        return {each.decision.asker for each in self._open if each.decision.origin}

    def asked(self) -> list[OpenDecision]:
        """The open votes that are asked here, of which other nodes hold seats."""
        return [each for each in self._open if self.concerns_others(each.decision)]

    def concerns_others(self, decision: Decision) -> bool:
        """Whether it is a vote that is asked here, of which other nodes hold seats."""
        mine = decision.asker == self._identity.did and not decision.origin
        return mine and any(holder != self._identity.did for holder in decision.holders.values())

    async def open(self, decision: Decision, preview: Preview | None) -> Decision:
        """Ask here what another node asks, once that is recorded; its id is one of this node."""
        decision = replace(decision, id=f"d{self._journal.next_decision()}")
        data = dict(decision_data(decision))
        if preview is not None:
            data["call"] = encode(preview)
        opened = self.reopen(decision, preview)
        try:
            await self._journal.record(EventType.DECISION_REQUESTED, data)
        except CisError:
            self._open.take_out(opened)
            raise
        return decision

    def reopen(self, decision: Decision, preview: Preview | None) -> OpenDecision:
        """Ask again what another node asked before this engine started."""
        question = Question(
            run="",
            dag=decision.dag,
            task=decision.task,
            prompt=decision.prompt,
            level=Level(LevelKind.ARBITRATED),
            subject=Subject.VOTE,
            preview=preview,
        )
        answer: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        opened = OpenDecision(replace(decision, timeout=None), question, answer)
        self._open.add(opened)
        return opened

    def update(self, open: OpenDecision, ballots: tuple[Ballot, ...], deadline: Instant | None) -> None:
        """Know what happened to a vote where it is asked; ballots that were cast here stay."""
        known = {ballot.stakeholder for ballot in open.decision.ballots}
        more = tuple(ballot for ballot in ballots if ballot.stakeholder not in known)
        before = open.decision.deadline
        if before is not None and deadline is not None and abs(deadline - before) <= _SAME:
            deadline = before
        if more or deadline != before:
            open.decision = replace(open.decision, ballots=(*open.decision.ballots, *more), deadline=deadline)
            self._tell(open)

    async def close(self, open: OpenDecision, ended: Decision, by: str, reason: str = "") -> Decision:
        """A vote of another node is over: as `ended` says, by whom and why; recorded when this returns."""
        self._open.close(open, ended, by, reason)
        return await self._open.tell(open)

    def _tell(self, open: OpenDecision) -> None:
        """Show faces what changed of a vote that another node asks; nothing of it is of use after a crash."""
        if open.decision.origin:
            self._journal.emit(EventType.DECISION_REQUESTED, decision_data(open.decision))


def accept(decision: Decision, ballot: Ballot, voter: str) -> bool:
    """Whether the very same vote has been cast before; else it may be counted.

    Raises:
        NotFound: there is no such seat (CIS-P2P-081).
        Refused: as `Votes.receive`.
    """
    seat = clean_line(ballot.stakeholder, limit=80)
    if ballot.stakeholder not in decision.holders:
        raise NotFound("CIS-P2P-081", f'the decision {decision.id} has no stakeholder "{seat}"')
    if ballot.voter != voter or decision.holders[ballot.stakeholder] != voter:
        raise Refused("CIS-P2P-082", f'the seat "{seat}" of {decision.id} is held by another person')
    if not ballot_holds(decision, ballot):
        raise Refused("CIS-P2P-083", f'the ballot of "{seat}" was not signed for {decision.id} as it is asked here')
    cast = next((each for each in decision.ballots if each.stakeholder == ballot.stakeholder), None)
    if cast is not None and cast.choice is not ballot.choice:
        raise Refused("CIS-P2P-084", f'"{seat}" has already voted on {decision.id}: {cast.choice}')
    return cast is not None


def _is(decision: Decision, run: str, id: str) -> bool:
    return decision.origin is not None and (decision.origin.run, decision.origin.id) == (run, id)
