"""What a decision means: pure rules beside the service that asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from cis_tui.core.clock import Instant
from cis_tui.core.codec import encode
from cis_tui.core.config import DecisionSettings
from cis_tui.core.errors import NotFound, Refused
from cis_tui.core.text import did_you_mean
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


def consequence(decision: Decision) -> Consequence:
    """What a decision that is made leads to."""
    if decision.status is DecisionStatus.APPROVED:
        return Consequence.RUN
    if decision.status is DecisionStatus.SKIPPED:
        return Consequence.SKIP
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
    return f"{decision.status.value} by {decision.by}{reason}"


def already(decision: Decision) -> str:
    """How a decision ended, such as `already approved by did:key:z6Mk…`."""
    if decision.status is DecisionStatus.SUPERSEDED:
        return "superseded: its run ended or was resumed before anybody answered"
    return f"already {decision.status.value.replace('_', ' ')} by {decision.by}"


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


def at_deadline(decision: Decision) -> DecisionStatus:
    """What a decision becomes that nobody answered in time."""
    if decision.kind is DecisionKind.RECOMMENDED:
        return {
            Action.EXECUTE.value: DecisionStatus.APPROVED,
            Action.SKIP.value: DecisionStatus.SKIPPED,
        }.get(decision.default, DecisionStatus.REJECTED)
    if decision.kind is DecisionKind.ARBITRATED and count(decision, closed=True) is Verdict.APPROVED:
        return DecisionStatus.APPROVED
    return DecisionStatus.TIMED_OUT


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
        raise Refused("CIS-DAG-057", f"{seat or 'every seat of yours'} has already voted on {decision.id}")
    return seats


def decision_data(decision: Decision) -> Mapping[str, object]:
    """The data of an event about `decision`."""
    return {"run": decision.run, "task": decision.task, "decision": encode(decision)}


def vote_data(decision: Decision, ballot: Ballot) -> Mapping[str, object]:
    """The data of the VoteCast event of `ballot`."""
    return {"run": decision.run, "task": decision.task, "decision": decision.id, "ballot": encode(ballot)}


def supersede(decision: Decision, now: Instant) -> Decision:
    """An open decision, closed without an answer."""
    return replace(decision, status=DecisionStatus.SUPERSEDED, decided_at=now, remaining=None)
