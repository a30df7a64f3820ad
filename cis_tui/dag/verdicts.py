"""What a decision means: pure rules beside the service that asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from cis_tui.core.clock import Instant
from cis_tui.core.codec import encode
from cis_tui.core.config import DecisionSettings
from cis_tui.core.errors import NotFound, Refused
from cis_tui.core.text import clean_line, did_you_mean
from cis_tui.dag.answers import Refusal
from cis_tui.dag.model import Action, Level
from cis_tui.dag.tally import Verdict, tally
from cis_tui.dag.views import Ballot, Decision, DecisionKind, DecisionStatus

BY_DEADLINE = "deadline"
BY_YES = "--yes"


class Consequence(StrEnum):
    """What becomes of the task that was decided about."""

    RUN = "run"
    SKIP = "skip"
    FAIL = "fail"
    ABORT = "abort"
    """The whole run is cancelled."""


def by_rule(rule: str) -> str:
    """Who decided what the yes to all alike of the decision `rule` covers."""
    return f"rule of {rule}"


def usual_refusal(kind: DecisionKind) -> Refusal:
    """Which kind of no is meant when it is not said."""
    return Refusal.SKIP if kind is DecisionKind.RECOMMENDED else Refusal.FAIL


def refused(refusal: Refusal) -> DecisionStatus:
    """What a decision becomes by a no."""
    return DecisionStatus.SKIPPED if refusal is Refusal.SKIP else DecisionStatus.REJECTED


def consequence(decision: Decision) -> Consequence:
    """What a decision that is made leads to."""
    if decision.status is DecisionStatus.APPROVED:
        return Consequence.RUN
    if decision.status is DecisionStatus.SKIPPED:
        return Consequence.SKIP
    if decision.refusal is not None:
        return Consequence(decision.refusal)
    # Written before there were three kinds of no: only a countdown could end in a rejected recommendation.
    aborted = decision.kind is DecisionKind.RECOMMENDED and decision.status is DecisionStatus.REJECTED
    return Consequence.ABORT if aborted else Consequence.FAIL


def explain(decision: Decision) -> str:
    """Why the task did not run, such as `rejected by did:key:z6Mk…: not today`."""
    reason = f": {decision.reason}" if decision.reason else ""
    if decision.status is DecisionStatus.TIMED_OUT:
        asked = "the vote did not pass" if decision.kind is DecisionKind.ARBITRATED else "nobody confirmed it"
        return f"{asked} within {decision.timeout or 0:g} s"
    if decision.by == BY_DEADLINE:
        return f"its countdown ended, default {decision.default}"
    return f"{_ended(decision)} by {decision.by}{reason}"


def already(decision: Decision) -> str:
    """How a decision ended, by whom and when, such as `already approved by did:key:z6Mk… at 2026-11-25T…`."""
    if decision.status is DecisionStatus.SUPERSEDED:
        return "superseded: what asked it ended, or was resumed, before anybody answered"
    at = f" at {decision.decided_at.iso()}" if decision.decided_at else ""
    edited = ", edited" if decision.edit and decision.status is DecisionStatus.APPROVED else ""
    votes = f", {len(decision.ballots)} of {len(decision.stakeholders)} voted" if decision.stakeholders else ""
    reason = f" ({decision.reason})" if decision.reason else ""
    return f"already {_ended(decision)} by {decision.by or BY_DEADLINE}{at}{edited}{votes}{reason}"


def facts_of(decision: Decision) -> dict[str, object]:
    """The same for programs."""
    at = decision.decided_at.iso() if decision.decided_at else None
    said = {"status": decision.status.value, "by": decision.by, "at": at, "reason": decision.reason}
    return {"decision": decision.id, **said}


def _ended(decision: Decision) -> str:
    if decision.refusal is Refusal.ABORT:
        return "aborted"
    return decision.status.value.replace("_", " ")


def timeout_of(kind: DecisionKind, level: Level, settings: DecisionSettings) -> float | None:
    """Seconds until a decision closes by itself; None for one that stays open."""
    if kind is DecisionKind.INTERRUPTED:
        return None
    if level.timeout is not None:
        return level.timeout
    return {
        DecisionKind.RECOMMENDED: settings.recommended,
        DecisionKind.CONFIRMED: settings.confirmed,
        DecisionKind.ARBITRATED: settings.arbitrated,
    }[kind]


def at_deadline(decision: Decision) -> Decision:
    """What a decision becomes that nobody answered in time, but for when."""
    if decision.kind is DecisionKind.RECOMMENDED:
        if decision.default == Action.EXECUTE.value:
            return replace(decision, status=DecisionStatus.APPROVED)
        refusal = Refusal.SKIP if decision.default == Action.SKIP.value else Refusal.ABORT
        return replace(decision, status=refused(refusal), refusal=refusal)
    passed = decision.kind is DecisionKind.ARBITRATED and count(decision, closed=True) is Verdict.APPROVED
    return replace(decision, status=DecisionStatus.APPROVED if passed else DecisionStatus.TIMED_OUT)


def count(decision: Decision, *, closed: bool = False) -> Verdict:
    """What the ballots of a decision say."""
    return tally(
        decision.ballots,
        decision.stakeholders,
        quorum=decision.quorum,
        threshold=decision.threshold,
        closed=closed,
    )


def voting_seats(decision: Decision, seat: str) -> tuple[str, ...]:
    """The seats that a vote for `seat` fills; with an empty one all that the owner holds and that have not voted.

    Raises:
        NotFound: there is no such seat (CIS-DAG-054).
        Refused: it is not a vote, the seat is somebody else's, or has voted (CIS-DAG-055 to 057).
    """
    if decision.kind is not DecisionKind.ARBITRATED:
        raise Refused(
            "CIS-DAG-055",
            f"the decision {decision.id} is not a vote",
            hint=f"cis decision approve {decision.id}, or reject",
        )
    if seat and seat not in decision.stakeholders:
        raise NotFound(
            "CIS-DAG-054",
            f'the decision {decision.id} has no stakeholder "{seat}"',
            hint=did_you_mean(seat, decision.stakeholders) or f"they are {', '.join(decision.stakeholders)}",
        )
    if not decision.seats or (seat and seat not in decision.seats):
        raise Refused(
            "CIS-DAG-056",
            f'the seat "{seat}" is held by another person' if seat else "you hold none of the seats",
            hint="[stakeholders] in project.toml says who holds which seat",
        )
    voted = {ballot.stakeholder for ballot in decision.ballots}
    seats = tuple(name for name in ((seat,) if seat else decision.seats) if name not in voted)
    if not seats:
        cast = next(ballot for ballot in decision.ballots if ballot.stakeholder == (seat or decision.seats[0]))
        said = f"{cast.choice} by {cast.voter} at {cast.at.iso()}"
        who = seat or "every seat of yours"
        raise Refused("CIS-DAG-057", f"{who} has already voted on {decision.id}: {said}", context=facts_of(decision))
    return seats


def no_decision(id: str) -> NotFound:
    """The error for an id that no decision has."""
    message = f'there is no decision "{clean_line(id, limit=40)}"'
    return NotFound("CIS-DAG-050", message, hint="cis decision list shows the open ones")


def decision_data(decision: Decision) -> Mapping[str, object]:
    """The data of an event about `decision`."""
    return {"run": decision.run, "task": decision.task, "decision": encode(decision)}


def vote_data(decision: Decision, ballot: Ballot) -> Mapping[str, object]:
    """The data of the VoteCast event of `ballot`."""
    return {"run": decision.run, "task": decision.task, "decision": decision.id, "ballot": encode(ballot)}


def supersede(decision: Decision, now: Instant) -> Decision:
    """An open decision, closed without an answer."""
    return replace(decision, status=DecisionStatus.SUPERSEDED, decided_at=now, remaining=None)
