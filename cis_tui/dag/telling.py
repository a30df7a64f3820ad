"""Decisions in words, the same for every face: rows of a label and a text, which may have several lines."""

from __future__ import annotations

from cis_tui.core.codec import dumps
from cis_tui.core.document import as_table
from cis_tui.core.text import clean, clean_line
from cis_tui.dag.answers import Edit
from cis_tui.dag.inspection import Advice, DecisionDetail, Preview, TrailEntry
from cis_tui.dag.preview import describe_permissions
from cis_tui.dag.views import Attempt, Decision, DecisionKind, DecisionStatus, Subject

Row = tuple[str, str]
_DEFAULTS = {
    "execute": "then it runs",
    "skip": "then it is skipped",
    "abort": "then the run is aborted",
    "reject": "then it is rejected",
}
_WHAT = {
    "asked": "asked",
    "held": "countdown held",
    "counting": "countdown goes on",
    "anew": "countdown starts anew: nobody could see it",
    "moved": "deadline told anew: the clock was set",
    "rule": "approves all alike",
    "withdrawn": "rule withdrawn",
}


def detail_rows(detail: DecisionDetail) -> list[Row]:
    """All that a person can know about a decision."""
    decision, shown = detail.decision, detail.preview
    tool = decision.subject is Subject.TOOL
    would = _preview_rows(shown, tool=tool) if shown else [("would run", clean(decision.prompt))]
    rows = [*_head_rows(decision), *would]
    if decision.edit:
        rows += [("edited", line) for line in edit_lines(decision.edit)]
    if decision.alike and (decision.rules or decision.status is DecisionStatus.PENDING):
        rows.append(("alike", clean_line(decision.alike)))
    rows += [("advice", _advice(detail.advice))] if detail.advice else []
    rows += [("attempt", _attempt(attempt)) for attempt in detail.attempts]
    rows += [("trail", trail_line(entry)) for entry in detail.trail]
    return rows


def _advice(found: tuple[Advice, ...]) -> str:
    """What people think of it, in a line."""
    said = ", ".join(f"{each.people} {'person' if each.people == 1 else 'people'}: {each.mark}" for each in found)
    return clean_line(f"{said}; advice only, it does not count", limit=1000)


def _head_rows(decision: Decision) -> list[Row]:
    of_run = decision.run or decision.origin
    what = f"{decision.dag} / {decision.task}" if of_run else f"{decision.subject} {decision.task}"
    rows = [("about", clean_line(what)), ("kind", decision.kind.value), *_asker_rows(decision)]
    if decision.run:
        rows.append(("run", decision.run))
    if decision.status is not DecisionStatus.PENDING:
        rows.append(("answer", _answer(decision)))
    elif decision.deadline is not None:
        then = _DEFAULTS.get(decision.default, decision.default)
        rows.append(("closes", f"{decision.deadline.iso()[:19].replace('T', ' ')} UTC, {then}"))
    elif decision.remaining is not None:
        rows.append(("closes", f"held, with {decision.remaining:.0f} s left"))
    if decision.kind is DecisionKind.ARBITRATED:
        need = f"{decision.quorum} must vote, more than {decision.threshold:.0%} of all must approve"
        rows.append(("rule", need))
        cast = {ballot.stakeholder: ballot for ballot in decision.ballots}
        for name in decision.stakeholders:
            ballot = cast.get(name)
            reason = f": {ballot.reason}" if ballot and ballot.reason else ""
            said = f"{name}  {ballot.choice.value if ballot else 'not yet'}{reason}"
            holder = decision.holders.get(name, "")
            rows.append(("vote", clean_line(f"{said}  ({holder})" if _abroad(decision) else said, limit=1000)))
    return rows


def _abroad(decision: Decision) -> bool:
    """Whether somebody else than who asks holds a seat."""
    return any(holder != decision.asker for holder in decision.holders.values())


def _asker_rows(decision: Decision) -> list[Row]:
    """Which other node asks."""
    if decision.origin is None:
        return []
    there = f"its run {decision.origin.run}, decision {decision.origin.id}"
    return [("asked by", clean_line(decision.origin.name)), ("", decision.asker), ("", there)]


def _answer(decision: Decision) -> str:
    how = f" ({decision.refusal})" if decision.refusal else ""
    reason = f": {decision.reason}" if decision.reason else ""
    at = f" at {decision.decided_at.iso()}" if decision.decided_at else ""
    by = f" by {decision.by}" if decision.by else ""
    return clean_line(f"{decision.status.value.replace('_', ' ')}{how}{by}{at}{reason}", limit=1000)


def _preview_rows(shown: Preview, *, tool: bool) -> list[Row]:
    """`tool`: it is a call of an agent's tool, which knows itself what can be taken back."""
    rows = [("known", line) for line in shown.interrupted.splitlines()]
    rows += [("would run", line) for line in (shown.command or shown.text).splitlines()]
    if shown.skill:
        rows.append(("skill", f"{shown.skill} {shown.version}".strip()))
    rows += [("input", line) for line in shown.input.splitlines()]
    rows.append(("folder", shown.folder))
    if shown.env:
        rows.append(("env", ", ".join(shown.env)))
    if shown.timeout:
        rows.append(("time", f"at most {shown.timeout:g} s"))
    rows += _permission_rows(shown)
    rows += [("creates", path) for path in shown.creates]
    if not shown.stands_for_others and not tool:
        rows.append(("undo", shown.undo or "nothing takes it back"))
        rows += [("", clean_line(step)) for step in shown.rollback]
    return [(label, clean(text)) for label, text in rows]


def _permission_rows(shown: Preview) -> list[Row]:
    if shown.permissions is None:
        return [("may", "all that you may")] if shown.command else []
    found = describe_permissions(shown.permissions)
    return [("may", f"{name}: {what}") for name, what in found] or [("may", "nothing beside running")]


def edit_lines(edit: Edit) -> list[str]:
    """What an edit changes."""
    lines: list[str] = []
    if edit.command is not None:
        lines.append(f"command: {clean(edit.command, limit=4000)}")
    if edit.args is not None:
        lines.append(f"arguments: {clean(dumps(edit.args), limit=4000)}")
    if edit.input is not None:
        lines.append(f"input: {clean(dumps(edit.input), limit=4000)}")
    return lines


def _attempt(attempt: Attempt) -> str:
    at = attempt.started_at.iso()[:19].replace("T", " ")
    code = f"exit code {attempt.exit_code}" if attempt.exit_code is not None else ""
    end = "nobody saw its end" if attempt.ended_at is None else code
    error = attempt.error if attempt.error != code else ""
    return clean_line(f"{attempt.number}  {at}  {', '.join(filter(None, (end, error)))}")


def trail_line(entry: TrailEntry) -> str:
    """One row of the audit trail, in a line."""
    at = entry.at.iso()[:19].replace("T", " ")
    by = f" by {entry.by}" if entry.by else ""
    reason = f": {entry.reason}" if entry.reason else ""
    return clean_line(f"{at}  {what_happened(entry)}{by}{reason}")


def what_happened(entry: TrailEntry) -> str:
    """What a row of the audit trail tells, in a few words."""
    told = _WHAT.get(entry.what, entry.what.replace("_", " "))
    if "ballot" in entry.data:
        ballot = as_table(entry.data["ballot"])
        return clean_line(f"{ballot.get('stakeholder')} votes {ballot.get('choice')}")
    refusal = entry.data.get("refusal")
    edited = ", edited" if entry.data.get("edit") else ""
    return f"{told} ({refusal})" if refusal else f"{told}{edited}"
