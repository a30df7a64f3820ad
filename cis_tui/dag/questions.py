"""What is asked, and the decision that it becomes: pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from cis_tui.core.clock import Instant
from cis_tui.core.codec import decode, encode
from cis_tui.core.config import DecisionSettings
from cis_tui.core.errors import Refused
from cis_tui.core.text import clean, visible
from cis_tui.dag.alike import Likeness
from cis_tui.dag.answers import Edit
from cis_tui.dag.inspection import Preview
from cis_tui.dag.model import Level
from cis_tui.dag.trail import canonical, digest
from cis_tui.dag.verdicts import timeout_of
from cis_tui.dag.views import Decision, DecisionKind, Subject

PROMPT = 2000
"""Characters of a prompt."""


def _fixed(edit: Edit) -> Preview:
    raise Refused("CIS-DAG-140", "what this decision is about cannot be edited", hint="reject it, and change its file")


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be decided: about a task of a run, or about one call of a skill or tool."""

    run: str
    """Empty for a call outside of any run, as are `dag` and `task`."""
    dag: str
    task: str
    """The id of the task, or the name of the skill or tool."""
    prompt: str
    level: Level
    subject: Subject = Subject.TASK
    project: str = ""
    """The folder, when it is not about a task."""
    call: str = ""
    """The name of the call, when it is not about a task."""
    interrupted: bool = False
    """It was in flight when its engine ended: may it run again?"""
    yes: bool = False
    """Approve at once what a person would confirm."""
    stakeholders: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name to DID, as the project has it."""
    preview: Preview | None = None
    """All that a person can know before an answer."""
    edited: Callable[[Edit], Preview] = _fixed
    """What would run after an edit; raises `CisError` when it would not do."""
    edit: Edit | None = None
    """One that is in force already: it was made before the engine ended."""
    likeness: Likeness | None = None
    """What is alike to it, if anything can be."""
    asker: str = ""
    """DID of the node that wants it to be run here."""
    always: tuple[str, ...] = ()
    """Patterns of the policy that fit it, for who never wants to be asked again; the narrowest first."""


def compose(question: Question, number: int, now: Instant, *, settings: DecisionSettings, did: str) -> Decision:
    """The open decision `number` that `question` becomes, in the engine of `did`."""
    level = question.level
    kind = DecisionKind.INTERRUPTED if question.interrupted else DecisionKind(level.kind)
    timeout = timeout_of(kind, level, settings)
    decision = Decision(
        id=f"d{number}",
        run=question.run,
        task=question.task,
        kind=kind,
        prompt=clean(visible(question.prompt), limit=PROMPT),
        deadline=None if timeout is None else Instant(now + timeout),
        default=level.default_action.value if kind is DecisionKind.RECOMMENDED else "reject",
        timeout=timeout,
        asked_at=now,
        dag=question.dag,
        subject=question.subject,
        project=question.project,
        call=question.call,
        edit=question.edit,
        digest=shown_digest(question.preview),
        alike=question.likeness.words if question.likeness and not question.interrupted else "",
        always=question.always,
        asker=question.asker,
    )
    if kind is not DecisionKind.ARBITRATED:
        return decision
    holders = {name: question.stakeholders.get(name) or did for name in level.stakeholders}
    return replace(
        decision,
        asker=did,
        stakeholders=level.stakeholders,
        holders=holders,
        seats=tuple(name for name, holder in holders.items() if holder == did),
        quorum=level.quorum,
        threshold=settings.threshold if level.threshold is None else level.threshold,
    )


def shown_digest(preview: Preview | None) -> str:
    """SHA-256 of what a person is shown, the same for whoever was sent it; empty when there is nothing."""
    return "" if preview is None else digest(canonical(encode(decode(Preview, encode(preview)))))
