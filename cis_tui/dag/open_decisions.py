"""The decisions that are open in one engine: found, counted down, closed once, and committed before anybody is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from dataclasses import dataclass, replace

from cis_tui.core.clock import Clock, Instant
from cis_tui.core.errors import CisError, Refused
from cis_tui.core.events import EventType
from cis_tui.core.text import clean_line
from cis_tui.dag.countdown import Countdowns
from cis_tui.dag.journal import Change, Journal
from cis_tui.dag.questions import Question
from cis_tui.dag.verdicts import BY_DEADLINE, already, at_deadline, decision_data, facts_of, no_decision, supersede
from cis_tui.dag.views import Decision, DecisionStatus, Subject

log = logging.getLogger(__name__)
REMEMBERED = 1000
"""Decisions whose end is known without asking the journal."""


@dataclass(slots=True)
class OpenDecision:
    """A decision that is asked now, or was a moment ago."""

    decision: Decision
    question: Question
    answer: asyncio.Future[Decision]
    held_by_run: bool = False
    """The countdown was stopped because the run was paused."""


class OpenDecisions:
    """A decision leaves before anything is awaited, and only who took it out answers it: one answer wins."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        known: Callable[[str], Decision | None],
        timer: Callable[[], float],
    ) -> None:
        """`known` reads one decision from the journal; `timer` counts seconds, also while the machine sleeps."""
        self._journal = journal
        self._clock = clock
        self._known = known
        self._open: dict[str, OpenDecision] = {}
        self._latest: dict[str, Decision] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self.countdowns = Countdowns(over=self._expire, moved=self._move, timer=timer, wall=clock)

    def __iter__(self) -> Iterator[OpenDecision]:
        return iter(tuple(self._open.values()))

    def get(self, id: str) -> OpenDecision | None:
        """The one called `id`."""
        return self._open.get(id)

    def add(self, open: OpenDecision) -> None:
        """Let it be answered, and count down if it has a time."""
        self._open[open.decision.id] = open
        if open.decision.timeout is not None:
            self.count_down(open, open.decision.timeout)

    def find(self, id: str) -> OpenDecision:
        """The open one called `id`.

        Raises:
            NotFound: there is no such decision (CIS-DAG-050).
            Refused: it is not open: who decided it, when and how (CIS-DAG-051).
        """
        open = self._open.get(id)
        if open is not None:
            return open
        known = self._latest.get(id) or self._known(id)
        if known is None:
            raise no_decision(id)
        if known.status is not DecisionStatus.PENDING:
            raise Refused("CIS-DAG-051", f"the decision {id} is {already(known)}", context=facts_of(known))
        if known.subject is not Subject.TASK:
            raise Refused("CIS-DAG-051", f"who asked the decision {id} went away before anybody answered")
        raise Refused(
            "CIS-DAG-051",
            f"the decision {id} belongs to the run {known.run}, which is paused",
            hint=f"cis run resume {known.run} asks again",
        )

    def find_alone(self, id: str) -> OpenDecision:
        """The open one called `id`, which one person decides.

        Raises:
            NotFound, Refused: as `find`; it is made by votes (CIS-DAG-052).
        """
        open = self.find(id)
        if not open.decision.answers_alone:
            hint = f"cis decision vote {id} approve|reject|abstain"
            raise Refused("CIS-DAG-052", f"the decision {id} is made by votes", hint=hint)
        return open

    def close(self, open: OpenDecision, decision: Decision, by: str, reason: str = "") -> None:
        """Take the decision, which is as `decision` says from now on, out of those that can be answered."""
        self.countdowns.stop(decision.id)
        self._open.pop(decision.id, None)
        reason = clean_line(reason)
        open.decision = replace(decision, by=by, reason=reason, decided_at=self._clock(), remaining=None)
        self._remember(open.decision)

    def _remember(self, decision: Decision) -> None:
        """Know how a decision ended even before the journal does."""
        self._latest[decision.id] = decision
        if len(self._latest) > REMEMBERED:
            del self._latest[next(iter(self._latest))]

    def take_out(self, open: OpenDecision) -> Decision:
        """Let nobody answer it any more; it is not decided."""
        self.countdowns.stop(open.decision.id)
        del self._open[open.decision.id]
        return open.decision

    def superseded(self, dropped: Iterable[Decision]) -> list[Change]:
        """The events that say of decisions that were taken out that nobody will answer them."""
        now = self._clock()
        closed = [supersede(decision, now) for decision in dropped]
        for decision in closed:
            self._remember(decision)
        return [(EventType.DECISION_MADE, decision_data(decision)) for decision in closed]

    async def tell(
        self, open: OpenDecision, changes: Iterable[Change] = (), *, also: Iterable[OpenDecision] = ()
    ) -> Decision:
        """Commit closed decisions and wake who asked, even if who answered goes away meanwhile."""
        await asyncio.shield(self._write(self._commit((open, *also), changes)))
        return open.decision

    async def _commit(self, closed: tuple[OpenDecision, ...], changes: Iterable[Change] = ()) -> None:
        made = [(EventType.DECISION_MADE, decision_data(open.decision)) for open in closed]
        try:
            await self._journal.record_all((*changes, *made))
        except CisError as error:
            for open in closed:
                self._latest.pop(open.decision.id, None)
                if not open.answer.done():
                    open.answer.set_exception(error)
            raise
        for open in closed:
            if not open.answer.done():
                open.answer.set_result(open.decision)

    def _write(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._written)
        return task

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a decision could not be written: %s", error)

    async def wait(self) -> None:
        """Stop counting, and wait for the answers that are being written."""
        for open in self:
            self.countdowns.stop(open.decision.id)
        await asyncio.gather(*self._writing, return_exceptions=True)

    # Countdowns

    def counts(self, open: OpenDecision) -> bool:
        """Whether its countdown runs."""
        return open.decision.id in self.countdowns

    def hold(self, open: OpenDecision) -> None:
        """Stop its countdown, or let the stopped one go on."""
        decision = open.decision
        if decision.remaining is not None:
            self.count_down(open, decision.remaining)
            return
        left = self.countdowns.left(decision.id)
        self.countdowns.stop(decision.id)
        open.decision = replace(decision, deadline=None, remaining=left)

    def count_down(self, open: OpenDecision, seconds: float) -> None:
        """Let it close by itself in so many seconds."""
        self.countdowns.start(open.decision.id, open.decision.timeout or seconds, left=seconds)
        self._set_deadline(open)

    def _set_deadline(self, open: OpenDecision) -> None:
        left = self.countdowns.left(open.decision.id)
        open.decision = replace(open.decision, deadline=Instant(self._clock() + left), remaining=None)

    def _expire(self, id: str) -> None:
        """The deadline has come: the decision makes itself."""
        open = self._open[id]
        self.close(open, at_deadline(open.decision), BY_DEADLINE)
        self._write(self._commit((open,)))

    def _move(self, ids: Collection[str], anew: bool) -> None:
        """Say that deadlines are others now: nobody could see them pass, or the clock on the wall was set."""
        changes: list[Change] = []
        for id in ids:
            self._set_deadline(self._open[id])
            why = {"why": "anew" if anew else "moved"}
            changes.append((EventType.DECISION_REQUESTED, {**decision_data(self._open[id].decision), **why}))
        self._write(self._note(changes))

    async def _note(self, changes: list[Change]) -> None:
        await self._journal.record_all(changes)
