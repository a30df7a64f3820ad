"""Questions to people: asked, counted down, answered exactly once (spec, Task Execution Flow, step 2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from cis_tui.core.clock import Clock
from cis_tui.core.codec import encode
from cis_tui.core.config import DecisionSettings
from cis_tui.core.errors import CisError, Refused
from cis_tui.core.events import EventType
from cis_tui.core.identity import Identity
from cis_tui.core.text import clean_line
from cis_tui.dag.alike import Rules
from cis_tui.dag.answers import Edit, Refusal
from cis_tui.dag.countdown import Countdowns, awake_or_asleep
from cis_tui.dag.editing import merged
from cis_tui.dag.inspection import DecisionDetail, Rule
from cis_tui.dag.journal import Change, Journal
from cis_tui.dag.open_decisions import OpenDecision, OpenDecisions
from cis_tui.dag.questions import Question, compose, shown_digest
from cis_tui.dag.verdicts import BY_YES, by_rule, decision_data, refused, usual_refusal
from cis_tui.dag.views import Choice, Decision, DecisionKind, DecisionStatus, Subject
from cis_tui.dag.votes import Votes


class DecisionService:
    """All decisions of this engine. To be used on its event loop only."""

    def __init__(
        self,
        *,
        journal: Journal,
        identity: Identity,
        settings: DecisionSettings,
        clock: Clock,
        stored: Callable[[], tuple[Decision, ...]],
        known: Callable[[str], Decision | None],
        timer: Callable[[], float] = awake_or_asleep,
    ) -> None:
        """`stored` reads the latest decisions of the journal, and `known` one; `timer` see `Countdowns`."""
        self._journal = journal
        self._identity = identity
        self._settings = settings
        self._clock = clock
        self._stored = stored
        self._open = OpenDecisions(journal, clock, known, timer)
        self.votes = Votes(self._open, journal, identity, clock)
        """What is made by votes, also of other nodes."""
        self._rules = Rules()

    # For faces

    def list(self, *, all: bool = False) -> tuple[Decision, ...]:
        """The pending ones, oldest first; with `all` the latest ones that are decided too (which blocks a little)."""
        pending = [open.decision for open in self._open]
        if not all:
            return tuple(pending)
        known = {decision.id: decision for decision in self._stored()}
        known.update((decision.id, decision) for decision in pending)
        return tuple(sorted(known.values(), key=lambda decision: int(decision.id[1:])))

    def asked(self, id: str) -> DecisionDetail | None:
        """An open decision and what would run; None if there is no such open one."""
        open = self._open.get(id)
        return DecisionDetail(open.decision, open.question.preview) if open else None

    async def approve(self, id: str, *, reason: str = "", edit: Edit | None = None, alike: bool = False) -> Decision:
        """Let it run: as it is, after an `edit`, or with all that are `alike` in its run, now and later.

        Raises:
            NotFound: there is no such decision (CIS-DAG-050).
            Refused: it is decided already, or is decided by votes (CIS-DAG-051, 052); it cannot be edited
                (CIS-DAG-140); nothing can be alike to it, or it is edited at the same time (CIS-DAG-143).
            Invalid: what would run after the edit would not do (CIS-DAG-141, 142).
        """
        open = self._open.find_alone(id)
        decision, question = open.decision, open.question
        if edit:
            whole = merged(decision.edit, edit)
            decision = replace(decision, edit=whole, digest=shown_digest(question.edited(whole)))
        if alike and (edit or not decision.alike or question.likeness is None):
            raise _not_alike(id, edited=bool(edit))
        self._open.close(
            open, replace(decision, rules=alike, status=DecisionStatus.APPROVED), self._identity.did, reason
        )
        if not alike or question.likeness is None:
            return await self._open.tell(open)
        rule = self._rule(open.decision, question.likeness.key)
        others = [
            other
            for other in self._open
            if other.decision.alike and self._rules.covering(other.decision.run, other.question.likeness)
        ]
        for other in others:
            approved = replace(other.decision, status=DecisionStatus.APPROVED)
            self._open.close(other, approved, by_rule(rule.id))
        return await self._open.tell(open, [(EventType.RULE_MADE, _rule_data(rule))], also=others)

    async def reject(self, id: str, *, reason: str = "", how: Refusal | None = None) -> Decision:
        """Do not let it run; None: a recommended task is skipped, anything else fails.

        Raises:
            NotFound, Refused: as `approve`; a call outside of any run only fails (CIS-DAG-146).
        """
        open = self._open.find_alone(id)
        decision = open.decision
        if decision.subject is not Subject.TASK and how not in (None, Refusal.FAIL):
            hint = f"cis decision reject {id} refuses the call"
            raise Refused("CIS-DAG-146", f"the decision {id} is about one call, not a run", hint=hint)
        refusal = how or usual_refusal(decision.kind)
        answer = replace(decision, status=refused(refusal), refusal=refusal)
        self._open.close(open, answer, self._identity.did, reason)
        return await self._open.tell(open)

    async def hold(self, id: str) -> Decision:
        """Stop a countdown, or let a stopped one go on.

        Raises:
            NotFound, Refused: as `approve`; Refused too when nothing counts down (CIS-DAG-053).
        """
        open = self._open.find(id)
        decision = open.decision
        if decision.kind is DecisionKind.ARBITRATED or decision.timeout is None:
            raise Refused("CIS-DAG-053", f"the decision {id} has no countdown that one person could stop")
        why = "held" if decision.remaining is None else "counting"
        self._open.hold(open)
        data = {**decision_data(open.decision), "why": why, "by": self._identity.did}
        await self._journal.record(EventType.DECISION_REQUESTED, data)
        return open.decision

    async def vote(self, id: str, choice: Choice, *, seat: str = "", reason: str = "") -> Decision:
        """Vote for `seat`, or for every seat of this engine's owner that has not voted.

        Raises:
            NotFound: there is no such decision or seat (CIS-DAG-050, 054).
            Refused: it is decided, is not a vote, the seat is another's, or has voted (CIS-DAG-051, 055 to 057).
        """
        return await self.votes.vote(id, choice, seat=seat, reason=reason)

    async def withdraw(self, rule: Rule, *, reason: str = "") -> Rule:
        """Let the yes to all alike that is `rule` cover nothing from now on; what it has approved stays approved.

        Raises:
            Refused: it was withdrawn before (CIS-DAG-145).
        """
        rule = self._rules.find(rule.id) or rule
        if rule.withdrawn_at is not None:
            at = rule.withdrawn_at.iso()
            raise Refused("CIS-DAG-145", f"the rule {rule.id} was withdrawn by {rule.withdrawn_by} at {at}")
        self._rules.drop(rule)
        why = clean_line(reason) or rule.reason
        gone = replace(rule, withdrawn_at=self._clock(), withdrawn_by=self._identity.did, reason=why)
        await self._journal.record(EventType.RULE_WITHDRAWN, _rule_data(gone))
        return gone

    # For runs and for calls outside of them

    async def ask(self, question: Question) -> Decision:
        """Ask, and wait for the answer; the decision is committed when this returns.

        When the caller is cancelled the decision stays open until `supersede` or `drop`.

        Raises:
            Unavailable: the journal cannot be written: it is not asked, or not decided (CIS-DAG-041).
        """
        number, did = self._journal.next_decision(), self._identity.did
        decision = compose(question, number, self._clock(), settings=self._settings, did=did)
        open = OpenDecision(decision, question, asyncio.get_running_loop().create_future())
        data = dict(decision_data(decision))
        if question.preview is not None:
            data["call"] = encode(question.preview)
        asked: Change = (EventType.DECISION_REQUESTED, data)
        by = self._answered_ahead(open)
        if by:
            self._open.close(open, replace(decision, status=DecisionStatus.APPROVED), by)
            return await self._open.tell(open, [asked])
        self._open.add(open)
        try:
            await self._journal.record(*asked)
        except CisError:
            if self._open.get(decision.id) is open:
                self._open.take_out(open)
            raise
        return await open.answer

    def _answered_ahead(self, open: OpenDecision) -> str:
        """Who has said yes before it is asked; empty if nobody has."""
        if open.question.yes and open.decision.answers_alone:
            return BY_YES
        rule = self._rules.covering(open.decision.run, open.question.likeness) if open.decision.alike else None
        return by_rule(rule.id) if rule else ""

    def hold_all(self, run: str) -> list[Change]:
        """Stop every countdown of `run`; the events that say so."""
        running = [open for open in self._open if open.decision.run == run and self._open.counts(open)]
        for open in running:
            self._open.hold(open)
            open.held_by_run = True
        return [(EventType.DECISION_REQUESTED, {**decision_data(open.decision), "why": "held"}) for open in running]

    def release_all(self, run: str) -> list[Change]:
        """Let the countdowns that `hold_all` stopped go on; the events that say so."""
        held = [open for open in self._open if open.decision.run == run and open.held_by_run]
        for open in held:
            open.held_by_run = False
            if open.decision.remaining is not None:
                self._open.hold(open)
        return [(EventType.DECISION_REQUESTED, {**decision_data(open.decision), "why": "counting"}) for open in held]

    def adopt(self, rules: Iterable[Rule]) -> None:
        """Take the rules of a run that is resumed into force again."""
        self._rules.adopt(rules)

    def supersede(self, run: str, tasks: Collection[str] | None = None) -> list[Change]:
        """Close all open decisions of `run`, or those about `tasks` of it, unanswered.

        Returns:
            The events that say so, for the caller to record.
        """
        return self._open.superseded(self.drop(run, tasks))

    def drop(self, run: str, tasks: Collection[str] | None = None) -> list[Decision]:
        """Forget the open decisions of `run`, or those about `tasks` of it: they are asked anew when it is resumed."""
        if tasks is None:
            self._rules.forget(run)
        return [
            self._open.take_out(open)
            for open in self._open
            if open.decision.run == run
            and open.decision.subject is Subject.TASK
            and (tasks is None or open.decision.task in tasks)
        ]

    async def give_up(self, question: Question) -> None:
        """Close the decision that `question` became, unanswered: who asked it has gone away."""
        gone = [self._open.take_out(open) for open in self._open if open.question is question]
        if gone:
            await self._journal.record_all(self._open.superseded(gone))

    async def close(self) -> None:
        """Wait for the answers that are being written."""
        await self._open.wait()

    @property
    def countdowns(self) -> Countdowns:
        """What counts down."""
        return self._open.countdowns

    # How

    def _rule(self, decision: Decision, key: str) -> Rule:
        """The rule that an approved decision makes, in force from now on."""
        rule = Rule(
            id=decision.id,
            run=decision.run,
            dag=decision.dag,
            kind=decision.kind,
            likeness=key,
            words=decision.alike,
            by=decision.by,
            at=decision.decided_at or self._clock(),
            reason=decision.reason,
        )
        self._rules.adopt([rule])
        return rule


def _rule_data(rule: Rule) -> dict[str, object]:
    return {"run": rule.run, "rule": encode(rule)}


def _not_alike(id: str, *, edited: bool) -> Refused:
    if edited:
        return Refused("CIS-DAG-143", "an edit goes for one decision, not for all that are alike")
    return Refused(
        "CIS-DAG-143",
        f"nothing is alike to the decision {id}",
        hint="only recommended and confirmed tasks of a run can be approved all alike",
    )
