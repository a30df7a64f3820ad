"""Counting a vote: a pure function, the same for every order of the ballots."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from cis_tui.dag.views import Ballot, Choice


class Verdict(StrEnum):
    OPEN = "open"
    APPROVED = "approved"
    REJECTED = "rejected"


def tally(
    ballots: Iterable[Ballot], stakeholders: Iterable[str], *, quorum: int, threshold: float, closed: bool = False
) -> Verdict:
    """What `ballots` decide.

    Approved: more than `threshold` of those who may vote approve, and at least `quorum` of them voted; abstaining is
    voting. The verdict is given as soon as no ballot to come can change it; when the vote is `closed`, what is not
    approved is rejected. Ballots of others than the stakeholders do not count. When a stakeholder voted twice and not
    the same, neither ballot counts.
    """
    seats = frozenset(stakeholders)
    choices: dict[str, set[Choice]] = {}
    for ballot in ballots:
        if ballot.stakeholder in seats:
            choices.setdefault(ballot.stakeholder, set()).add(ballot.choice)
    cast = [next(iter(chosen)) for chosen in choices.values() if len(chosen) == 1]
    to_come = 0 if closed else len(seats) - len(choices)
    approvals = cast.count(Choice.APPROVE)
    needed = round(threshold * len(seats), 9)  # 0.29 of 100 is 29, whatever binary fractions make of it
    # Ballots to come can add to the approvals and to the voters, never take from them.
    if approvals > needed and len(cast) >= quorum:
        return Verdict.APPROVED
    if approvals + to_come <= needed or len(cast) + to_come < quorum:
        return Verdict.REJECTED
    return Verdict.OPEN
