"""A vote as it is put to the nodes of those who hold its seats: pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from cis_tui.core.clock import Instant
from cis_tui.core.codec import encode
from cis_tui.core.document import is_list, is_table
from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.text import clean, clean_line
from cis_tui.dag.ballots import ballot_holds
from cis_tui.dag.inspection import Preview
from cis_tui.dag.questions import PROMPT, shown_digest
from cis_tui.dag.views import Ballot, Decision, DecisionKind, DecisionStatus, Origin, Subject

MAX_SEATS = 64
MAX_PREVIEW = 100_000
"""Characters of what would run, as JSON."""
MAX_TIME = 2_592_000.0
"""Seconds that a vote may stay open."""
_TOLD = 600
"""Characters of what would run that people who read along are told."""
_NAME = 80
_REASON = 500
_ID = re.compile(r"d[0-9]{1,15}")
_RUN = re.compile(r"[A-Za-z0-9]{1,40}")
_SHA256 = re.compile(r"[0-9a-f]{64}|")


@dataclass(frozen=True, slots=True)
class Motion:
    """A vote as the node that asks it has it now."""

    decision: Decision
    preview: Preview | None = None
    """What would run, as it is shown there; only while it is open."""
    left: float | None = None
    """Seconds until it closes, which no clock that is set wrong changes; None while that is held."""


@dataclass(frozen=True, slots=True)
class Cast:
    """A ballot on its way."""

    run: str
    id: str
    ballot: Ballot


@dataclass(frozen=True, slots=True)
class Look:
    """A vote of which somebody wants to know how it stands."""

    run: str
    id: str


@dataclass(frozen=True, slots=True)
class Heard:
    """How a vote stands; None: it is not known."""

    motion: Motion | None = None


def put(decision: Decision, preview: Preview | None, now: Instant) -> Motion:
    """An open or closed vote, for the nodes of others."""
    is_open = decision.status is DecisionStatus.PENDING
    left = max(decision.deadline - now, 0.0) if is_open and decision.deadline is not None else None
    return Motion(decision, preview if is_open else None, left)


def later(motion: Motion, age: float) -> Motion:
    """The same after `age` seconds on its way."""
    return motion if motion.left is None else replace(motion, left=max(motion.left - age, 0.0))


def checked(motion: Motion, *, asker: str, me: str, name: str, now: Instant) -> Decision:
    """The vote as this node keeps it, without an id of its own; `name` is what the asker is called here.

    Raises:
        Invalid: it is none, or cannot be shown as it is (CIS-P2P-085).
        Refused: it is another node's, or no seat is held here (CIS-P2P-086).
    """
    given = motion.decision
    problem = _problem(motion)
    if problem:
        raise Invalid("CIS-P2P-085", f"what {clean_line(name)} asks cannot be shown: {problem}")
    seats = tuple(seat for seat in given.stakeholders if given.holders[seat] == me)
    if given.asker != asker or not seats:
        raise Refused("CIS-P2P-086", "the vote is asked by another node, or no seat of it is held here")
    open = Decision(
        id="",
        run="",
        task=given.task,
        kind=DecisionKind.ARBITRATED,
        prompt=clean(given.prompt, limit=PROMPT),
        deadline=None if motion.left is None else Instant(now + motion.left),
        default="reject",
        stakeholders=given.stakeholders,
        seats=seats,
        quorum=given.quorum,
        threshold=given.threshold,
        asked_at=now,
        dag=clean_line(given.dag, limit=200),
        subject=Subject.VOTE,
        digest=given.digest,
        asker=asker,
        holders=given.holders,
        origin=Origin(given.id, given.run, clean_line(name, limit=60)),
    )
    return replace(open, ballots=tuple(holding(open, given.ballots)))


def holding(decision: Decision, ballots: Iterable[Ballot]) -> Iterable[Ballot]:
    """Those of `ballots` that their voters have signed, one for each seat."""
    seen: set[str] = set()
    for ballot in ballots:
        seat = ballot.stakeholder
        if seat in seen or decision.holders.get(seat) != ballot.voter or not ballot_holds(decision, ballot):
            continue
        seen.add(seat)
        yield ballot


def vote_subject(run: str, id: str) -> str:
    """A vote, by its name among all that its node asks."""
    return f"{run}/{id}"


def motion_words(decision: Decision) -> str:
    """A vote for people who read along: what is asked, who decides, and until when; or how it has ended."""
    about = clean_line(f"{decision.dag} / {decision.task}", limit=200)
    if decision.status is not DecisionStatus.PENDING:
        return f"Vote closed: {about}: {decision.status.value.replace('_', ' ')}"
    until = "" if decision.deadline is None else f", until {decision.deadline.iso()[:19].replace('T', ' ')} UTC"
    seats = clean_line(", ".join(decision.stakeholders), limit=300)
    rule = f"{decision.quorum} of {seats} must vote, more than {decision.threshold:.0%} of all must approve{until}"
    return f"Vote asked: {about}\n{clean(decision.prompt, limit=_TOLD)}\n{rule}"


def ended(open: Decision, told: Decision) -> tuple[Decision, str, str]:
    """The vote that is open here, as the node that asked it `told` that it ended, by whom and why.

    Its seats, and who holds them, are those that were known here.
    """
    mine = {ballot.stakeholder for ballot in open.ballots}
    more = tuple(ballot for ballot in holding(open, told.ballots) if ballot.stakeholder not in mine)
    by = clean_line(told.by, limit=2000)
    return replace(open, status=told.status, ballots=(*open.ballots, *more)), by, clean_line(told.reason)


def _problem(motion: Motion) -> str:
    """What is wrong with a motion; empty if nothing is."""
    given = motion.decision
    sizes = (len(given.stakeholders), len(given.holders), len(given.ballots))
    checks = {
        "it is no vote": given.kind is DecisionKind.ARBITRATED and given.edit is None,
        "its id is none": bool(_ID.fullmatch(given.id) and _RUN.fullmatch(given.run)),
        "it has too many seats": max(sizes) <= MAX_SEATS and sizes[0] == sizes[1],
        "its seats are not those of its holders": set(given.stakeholders) == set(given.holders),
        "a name in it is no plain text": all(map(_is_name, (given.task, *given.stakeholders))),
        "who holds a seat is no DID": all(map(_is_did, given.holders.values())),
        "its rule is none": 0 <= given.quorum <= MAX_SEATS and 0 <= given.threshold <= 1,
        "its time is none": motion.left is None or (math.isfinite(motion.left) and 0 <= motion.left <= MAX_TIME),
        "a reason in it is too long": all(len(ballot.reason) <= _REASON for ballot in given.ballots),
        "a reason in it is no plain text": all(map(_is_plain, (ballot.reason for ballot in given.ballots))),
        "what would run is not what was signed": bool(_SHA256.fullmatch(given.digest)) and _shows(motion),
    }
    return next((why for why, holds in checks.items() if not holds), "")


def _shows(motion: Motion) -> bool:
    """Whether all that would run can be shown, and is what its digest says."""
    if motion.preview is None:
        return motion.decision.status is not DecisionStatus.PENDING or not motion.decision.digest
    texts = list(_texts(encode(motion.preview)))
    small = sum(map(len, texts)) <= MAX_PREVIEW
    return small and all(map(_is_plain, texts)) and shown_digest(motion.preview) == motion.decision.digest


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif is_table(value):
        for each in value.values():
            yield from _texts(each)
    elif is_list(value):
        for each in value:
            yield from _texts(each)


def _is_plain(text: str) -> bool:
    return clean(text) == text


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 200 and clean_line(text, limit=200) == text


def _is_did(text: str) -> bool:
    return text.startswith("did:key:z") and len(text) <= _NAME and text.isascii() and text.isprintable()
