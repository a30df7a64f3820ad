"""Ballots: what is signed, and whether a signature holds."""

from __future__ import annotations

import json
from dataclasses import replace

from cis_tui.core.identity import Identity, verify
from cis_tui.dag.views import Ballot, Decision


def canonical(decision: Decision, ballot: Ballot) -> bytes:
    """What a ballot about `decision` signs: JSON with sorted keys, no spaces, in UTF-8.

    It binds the voter to who asks, to what would run as it was shown, and to the reason given; wherever the decision
    is looked at, it is what it is where it was asked.
    """
    asked = decision.origin or decision
    motion = {
        "run": asked.run,
        "task": decision.task,
        "decision": asked.id,
        "stakeholder": ballot.stakeholder,
        "choice": ballot.choice.value,
        "at": ballot.at.iso(),
        "voter": ballot.voter,
    }
    if decision.digest:
        motion |= {"what": decision.digest, "reason": ballot.reason}
    if decision.asker:
        motion |= {"asker": decision.asker, "reason": ballot.reason}
    return json.dumps(motion, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def sign_ballot(decision: Decision, ballot: Ballot, identity: Identity) -> Ballot:
    """`ballot` with the signature of its voter."""
    return replace(ballot, signature=identity.sign(canonical(decision, ballot)).hex())


def ballot_holds(decision: Decision, ballot: Ballot) -> bool:
    """Whether `ballot` was signed by its voter for exactly this decision."""
    try:
        signature = bytes.fromhex(ballot.signature)
    except ValueError:
        return False
    return verify(ballot.voter, canonical(decision, ballot), signature)
