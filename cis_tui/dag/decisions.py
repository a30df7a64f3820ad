"""Questions to people: asked, counted down, answered exactly once (spec, Task Execution Flow, step 2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from cis_tui.core.clock import Clock, Instant
from cis_tui.core.config import DecisionSettings
from cis_tui.core.errors import CisError, NotFound, Refused
from cis_tui.core.events import EventType
from cis_tui.core.identity import Identity
from cis_tui.core.text import clean, clean_line
from cis_tui.dag.ballots import sign_ballot
from cis_tui.dag.journal import Change, Journal
from cis_tui.dag.model import Level
from cis_tui.dag.tally import Verdict
from cis_tui.dag.verdicts import (
    BY_DEADLINE,
    BY_YES,
    already,
    at_deadline,
    count,
    decision_data,
    supersede,
    timeout_of,
    vote_data,
    voting_seats,
)
from cis_tui.dag.views import Ballot, Choice, Decision, DecisionKind, DecisionStatus

log = logging.getLogger(__name__)
PROMPT = 2000
"""Characters of a prompt."""
REMEMBERED = 1000
"""Decisions whose end is known without asking the journal."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be decided about a task."""

    run: str
    dag: str
    task: str
    prompt: str
    level: Level
    interrupted: bool = False
    """It was in flight when its engine ended: may it run again?"""
    yes: bool = False
    """Approve at once what a person would confirm."""
    stakeholders: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name to DID, as the project has it."""


@dataclass(slots=True)
class _Open:
    """A decision that is asked now."""

    decision: Decision
    answer: asyncio.Future[Decision]
    timer: asyncio.TimerHandle | None = None
    expires: float = 0.0
    """When the countdown ends, in the time of the event loop."""
    held_by_run: bool = False
    """The countdown was stopped because the run was paused."""


class DecisionService:
    """All decisions that are open in this engine. To be used on its event loop only.

    A decision leaves `_open` before anything is awaited, and only who took it out answers it: one answer wins.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        identity: Identity,
        settings: DecisionSettings,
        clock: Clock,
        stored: Callable[[], tuple[Decision, ...]],
    ) -> None:
        """`stored` reads the latest decisions of the journal."""
        self._journal = journal
        self._identity = identity
        self._settings = settings
        self._clock = clock
        self._stored = stored
        self._open: dict[str, _Open] = {}
        self._latest: dict[str, Decision] = {}
        self._telling: set[asyncio.Task[Decision]] = set()

    # For faces

    def list(self, *, all: bool = False) -> tuple[Decision, ...]:
        """The pending ones, oldest first; with `all` the latest ones that are decided too (which blocks a little)."""
        pending = [open.decision for open in self._open.values()]
        if not all:
            return tuple(pending)
        known = {decision.id: decision for decision in self._stored()}
        known.update((decision.id, decision) for decision in pending)
        return tuple(sorted(known.values(), key=lambda decision: int(decision.id[1:])))

    async def approve(self, id: str, *, reason: str = "") -> Decision:
        """Let the task run.

        Raises:
            NotFound: there is no such decision (CIS-DAG-050).
            Refused: it is decided already, or is decided by votes (CIS-DAG-051, 052).
        """
        return await self._answer(id, DecisionStatus.APPROVED, reason)

    async def reject(self, id: str, *, reason: str = "") -> Decision:
        """Do not let the task run: a recommended one is skipped, another one fails.

        Raises:
            NotFound, Refused: as `approve`.
        """
        open = self._find(id)
        skips = open.decision.kind is DecisionKind.RECOMMENDED
        return await self._answer(id, DecisionStatus.SKIPPED if skips else DecisionStatus.REJECTED, reason)

    async def hold(self, id: str) -> Decision:
        """Stop a countdown, or let a stopped one go on.

        Raises:
            NotFound, Refused: as `approve`; Refused too when nothing counts down (CIS-DAG-053).
        """
        open = self._find(id)
        now = asyncio.get_running_loop().time()
        decision = open.decision
        if decision.kind is DecisionKind.ARBITRATED or decision.timeout is None:
            raise Refused("CIS-DAG-053", f"the decision {id} has no countdown that one person could stop")
        if decision.remaining is None:
            self._stop_timer(open)
            open.decision = replace(decision, deadline=None, remaining=max(open.expires - now, 0.0))
        else:
            self._count_down(open, decision.remaining)
        await self._journal.record(EventType.DECISION_REQUESTED, decision_data(open.decision))
        return open.decision

    async def vote(self, id: str, choice: Choice, *, seat: str = "", reason: str = "") -> Decision:
        """Vote for `seat`, or for every seat of this engine's owner that has not voted.

        Raises:
            NotFound: there is no such decision or seat (CIS-DAG-050, 054).
            Refused: it is decided, is not a vote, the seat is another's, or has voted (CIS-DAG-051, 055 to 057).
        """
        open = self._find(id)
        now = self._clock()
        ballots = [
            sign_ballot(
                open.decision, Ballot(name, choice, self._identity.did, now, clean_line(reason)), self._identity
            )
            for name in voting_seats(open.decision, seat)
        ]
        open.decision = replace(open.decision, ballots=(*open.decision.ballots, *ballots))
        changes: list[Change] = [(EventType.VOTE_CAST, vote_data(open.decision, ballot)) for ballot in ballots]
        verdict = count(open.decision)
        if verdict is Verdict.OPEN:
            await self._journal.record_all(changes)
            return open.decision
        status = DecisionStatus.APPROVED if verdict is Verdict.APPROVED else DecisionStatus.REJECTED
        self._close(open, status, by=", ".join(sorted({ballot.voter for ballot in open.decision.ballots})))
        return await self._tell(open, changes)

    # For runs

    def hold_all(self, run: str) -> list[Change]:
        """Stop every countdown of `run`; the events that say so."""
        now = asyncio.get_running_loop().time()
        running = [open for open in self._open.values() if open.decision.run == run and open.timer is not None]
        for open in running:
            self._stop_timer(open)
            open.decision = replace(open.decision, deadline=None, remaining=max(open.expires - now, 0.0))
            open.held_by_run = True
        return [(EventType.DECISION_REQUESTED, decision_data(open.decision)) for open in running]

    def release_all(self, run: str) -> list[Change]:
        """Let the countdowns that `hold_all` stopped go on; the events that say so."""
        held = [open for open in self._open.values() if open.decision.run == run and open.held_by_run]
        for open in held:
            open.held_by_run = False
            if open.decision.remaining is not None:
                self._count_down(open, open.decision.remaining)
        return [(EventType.DECISION_REQUESTED, decision_data(open.decision)) for open in held]

    async def ask(self, question: Question) -> Decision:
        """Ask, and wait for the answer; the decision is committed when this returns.

        When the caller is cancelled the decision stays open until `supersede` or `drop`.
        """
        open = _Open(self._compose(question), asyncio.get_running_loop().create_future())
        asked: Change = (EventType.DECISION_REQUESTED, decision_data(open.decision))
        if question.yes and open.decision.kind is not DecisionKind.ARBITRATED:
            self._close(open, DecisionStatus.APPROVED, by=BY_YES)
            return await self._tell(open, [asked])
        self._open[open.decision.id] = open
        if open.decision.timeout is not None:
            self._count_down(open, open.decision.timeout)
        await self._journal.record(EventType.DECISION_REQUESTED, decision_data(open.decision))
        return await open.answer

    def supersede(self, run: str, tasks: Collection[str] | None = None) -> list[Change]:
        """Close all open decisions of `run`, or those about `tasks` of it, unanswered.

        Returns:
            The events that say so, for the caller to record.
        """
        now = self._clock()
        closed = [supersede(decision, now) for decision in self.drop(run, tasks)]
        for decision in closed:
            self._remember(decision)
        return [(EventType.DECISION_MADE, decision_data(decision)) for decision in closed]

    def drop(self, run: str, tasks: Collection[str] | None = None) -> list[Decision]:
        """Forget the open decisions of `run`, or those about `tasks` of it: they are asked anew when it is resumed."""
        dropped = [
            open
            for open in self._open.values()
            if open.decision.run == run and (tasks is None or open.decision.task in tasks)
        ]
        for open in dropped:
            self._stop_timer(open)
            del self._open[open.decision.id]
        return [open.decision for open in dropped]

    async def close(self) -> None:
        """Wait for the answers that are being written."""
        await asyncio.gather(*self._telling, return_exceptions=True)

    # How

    def _compose(self, question: Question) -> Decision:
        level = question.level
        kind = DecisionKind.INTERRUPTED if question.interrupted else DecisionKind(level.kind)
        timeout = timeout_of(kind, level, self._settings)
        now = self._clock()
        decision = Decision(
            id=f"d{self._journal.next_decision()}",
            run=question.run,
            task=question.task,
            kind=kind,
            prompt=clean(question.prompt, limit=PROMPT),
            deadline=None if timeout is None else Instant(now + timeout),
            default=level.default_action.value if kind is DecisionKind.RECOMMENDED else "reject",
            timeout=timeout,
            asked_at=now,
            dag=question.dag,
        )
        if kind is not DecisionKind.ARBITRATED:
            return decision
        mine = (self._identity.did, "")
        return replace(
            decision,
            stakeholders=level.stakeholders,
            seats=tuple(name for name in level.stakeholders if question.stakeholders.get(name, "") in mine),
            quorum=level.quorum,
            threshold=self._settings.threshold if level.threshold is None else level.threshold,
        )

    def _find(self, id: str) -> _Open:
        open = self._open.get(id)
        if open is not None:
            return open
        known = self._latest.get(id) or next((decision for decision in self._stored() if decision.id == id), None)
        if known is None:
            raise NotFound(
                "CIS-DAG-050", f'there is no decision "{id[:40]}"', hint="cis decision list shows the open ones"
            )
        if known.status is DecisionStatus.PENDING:
            raise Refused(
                "CIS-DAG-051",
                f"the decision {id} belongs to the run {known.run}, which is paused",
                hint=f"cis run resume {known.run} asks again",
            )
        raise Refused("CIS-DAG-051", f"the decision {id} is {already(known)}")

    async def _answer(self, id: str, status: DecisionStatus, reason: str) -> Decision:
        open = self._find(id)
        if open.decision.kind is DecisionKind.ARBITRATED:
            raise Refused(
                "CIS-DAG-052",
                f"the decision {id} is made by votes",
                hint=f"cis decision vote {id} approve|reject|abstain",
            )
        self._close(open, status, by=self._identity.did, reason=reason)
        return await self._tell(open)

    def _close(self, open: _Open, status: DecisionStatus, *, by: str, reason: str = "") -> None:
        """Take the decision out of those that can be answered."""
        self._stop_timer(open)
        self._open.pop(open.decision.id, None)
        open.decision = replace(
            open.decision, status=status, by=by, reason=clean_line(reason), decided_at=self._clock(), remaining=None
        )
        self._remember(open.decision)

    def _remember(self, decision: Decision) -> None:
        """Know how a decision ended even before the journal does."""
        self._latest[decision.id] = decision
        if len(self._latest) > REMEMBERED:
            del self._latest[next(iter(self._latest))]

    async def _tell(self, open: _Open, changes: Iterable[Change] = ()) -> Decision:
        """Commit a closed decision and wake who asked, even if who answered goes away meanwhile."""
        return await asyncio.shield(self._telling_of(open, changes))

    def _telling_of(self, open: _Open, changes: Iterable[Change] = ()) -> asyncio.Task[Decision]:
        task = asyncio.get_running_loop().create_task(self._commit(open, changes))
        self._telling.add(task)
        task.add_done_callback(self._told)
        return task

    async def _commit(self, open: _Open, changes: Iterable[Change]) -> Decision:
        try:
            await self._journal.record_all((*changes, (EventType.DECISION_MADE, decision_data(open.decision))))
        except CisError as error:
            self._latest.pop(open.decision.id, None)
            if not open.answer.done():
                open.answer.set_exception(error)
            raise
        if not open.answer.done():
            open.answer.set_result(open.decision)
        return open.decision

    def _told(self, task: asyncio.Task[Decision]) -> None:
        self._telling.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a decision could not be written: %s", error)

    def _count_down(self, open: _Open, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        open.expires = loop.time() + seconds
        open.decision = replace(open.decision, deadline=Instant(self._clock() + seconds), remaining=None)
        open.timer = loop.call_at(open.expires, self._expire, open)

    def _stop_timer(self, open: _Open) -> None:
        if open.timer is not None:
            open.timer.cancel()
            open.timer = None

    def _expire(self, open: _Open) -> None:
        """The deadline has come: the decision makes itself."""
        self._close(open, at_deadline(open.decision), by=BY_DEADLINE)
        self._telling_of(open)
