"""The audit trail of decisions: rows of a hash chain, as pure values.

Each row is canonical JSON that holds the SHA-256 of the row before: to change or remove one is to change all after it.
The newest hash is signed with the node's key, so that a chain cannot be made anew, or cut, by whoever has no key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from cis_tui.core.clock import Instant
from cis_tui.core.errors import CisError
from cis_tui.core.events import Event, EventType
from cis_tui.dag.inspection import TrailEntry

FIRST = "0" * 64
"""What the first row has in the place of a hash before it."""
_MADE = ("status", "by", "reason", "refusal", "edit", "rules", "digest", "decided_at", "quorum", "threshold")
"""What is kept of a decision that is made; the rest is in the row that asked it."""
TOLD = frozenset(
    {
        EventType.DECISION_REQUESTED,
        EventType.DECISION_MADE,
        EventType.VOTE_CAST,
        EventType.RULE_MADE,
        EventType.RULE_WITHDRAWN,
    }
)
"""Events that leave a row."""


@dataclass(frozen=True, slots=True)
class Link:
    """One row as it is stored."""

    number: int
    decision: int
    """Number of the decision, 0 for none."""
    run: str
    text: str
    """The canonical JSON."""
    hash: str


def canonical(data: object) -> str:
    """JSON with sorted keys and no spaces, the same for the same data."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(text: str) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def head_text(number: int, hash: str) -> bytes:
    """What is signed of a chain whose newest row is `number`."""
    return canonical({"trail": number, "hash": hash}).encode()


def link(event: Event, number: int, before: str) -> Link:
    """The row that `event`, one of those in `TOLD`, leaves behind a row with the hash `before`."""
    data = _content(event)
    row = {"number": number, "at": event.at.iso(), "before": before, **data}
    text = canonical(row)
    decision = str(data["decision"]).removeprefix("d")
    return Link(number, int(decision) if decision.isdecimal() else 0, str(data["run"]), text, digest(text))


def _content(event: Event) -> dict[str, object]:
    data = event.data
    found: dict[str, object] = {"run": data.get("run", ""), "task": data.get("task", "")}
    if event.type == EventType.VOTE_CAST:
        return {**found, "what": "ballot", "decision": data["decision"], "data": {"ballot": data["ballot"]}}
    if event.type in (EventType.RULE_MADE, EventType.RULE_WITHDRAWN):
        rule = cast("Mapping[str, object]", data["rule"])
        what = "rule" if event.type == EventType.RULE_MADE else "withdrawn"
        return {**found, "what": what, "decision": rule["id"], "data": {"rule": rule}}
    decision = cast("Mapping[str, object]", data["decision"])
    found["decision"] = decision["id"]
    if event.type == EventType.DECISION_MADE:
        made = {name: decision[name] for name in _MADE if decision.get(name)}
        return {**found, "what": decision["status"], "data": made}
    what = data.get("why", "asked")
    if what != "asked":
        kept = {name: decision.get(name) for name in ("deadline", "remaining")}
        return {**found, "what": what, "data": {**kept, "by": data.get("by", "")}}
    call = {"call": data["call"]} if "call" in data else {}
    return {**found, "what": what, "data": {"asked": decision, **call}}


def before_of(text: str) -> str:
    """The hash of the row before that a row names.

    Raises:
        ValueError: it is no row.
    """
    return str(json.loads(text)["before"])


def entry(text: str, hash: str) -> TrailEntry:
    """A row for people.

    Raises:
        ValueError: it is no row.
    """
    try:
        row = cast("Mapping[str, object]", json.loads(text))
        data = cast("Mapping[str, object]", row["data"])
        inner = _inner(data)
        return TrailEntry(
            number=int(str(row["number"])),
            at=Instant.parse(str(row["at"])),
            what=str(row["what"]),
            decision=str(row["decision"]),
            run=str(row["run"]),
            task=str(row["task"]),
            by=str(inner.get("by") or inner.get("withdrawn_by") or inner.get("voter") or ""),
            reason=str(inner.get("reason") or ""),
            data=data,
            hash=hash,
        )
    except (KeyError, TypeError, AttributeError, CisError) as error:
        raise ValueError(f"not a row of the trail: {error}") from error


def _inner(data: Mapping[str, object]) -> Mapping[str, object]:
    """The part of a row that says who acted."""
    for name in ("ballot", "rule"):
        if name in data:
            return cast("Mapping[str, object]", data[name])
    return data
