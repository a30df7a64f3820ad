"""What a person sees before an answer, and what is kept of decisions for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cis_tui.core.clock import Instant
from cis_tui.dag.views import Attempt, Decision, DecisionKind
from cis_tui.skills.model import Permissions


@dataclass(frozen=True, slots=True)
class Preview:
    """What would run, without what is private, in bounded and clean text."""

    text: str
    """The call as a person reads it."""
    skill: str
    """Empty when it stands for another DAG."""
    version: str = ""
    command: str = ""
    """The line for the shell; empty when a skill's own program runs."""
    args: tuple[str, ...] = ()
    input: str = ""
    """JSON; empty for none."""
    cut: bool = False
    """Command, arguments or input are longer than what is shown, and cannot be edited."""
    folder: str = ""
    env: tuple[str, ...] = ()
    """Names of the variables that are added to the environment."""
    permissions: Permissions | None = None
    """What the skill's manifest asks for; None when it is a line for the shell, which may do all that you may."""
    creates: tuple[str, ...] = ()
    """Paths that a rollback removes or restores."""
    rollback: tuple[str, ...] = ()
    """The steps that take it back, as written in the file."""
    idempotent: bool = False
    timeout: float | None = None
    """Seconds that it may take."""
    stands_for_others: bool = False
    """Other tasks run in its place, which `text` lists; each is undone for itself."""
    interrupted: str = ""
    """What is known of the attempt that was under way when the engine ended."""

    @property
    def undo(self) -> str:
        """Whether it can be taken back, in words."""
        ways = (["by its rollback steps"] if self.rollback else []) + (["what it creates"] if self.creates else [])
        return " and ".join(ways)


@dataclass(frozen=True, slots=True)
class TrailEntry:
    """One row of the audit trail."""

    number: int
    at: Instant
    what: str
    """asked, held, counting, anew, ballot, approved, rejected, skipped, timed_out, superseded, rule or withdrawn."""
    decision: str
    run: str
    task: str
    by: str = ""
    reason: str = ""
    data: Mapping[str, object] = field(default_factory=dict[str, object])
    """All that is kept of it."""
    hash: str = ""
    """SHA-256 of the row, which has that of the row before in it; hexadecimal."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What people who read along think of a vote; it counts for nothing."""

    mark: str
    """Such as 👍."""
    people: int


@dataclass(frozen=True, slots=True)
class DecisionDetail:
    """A decision with what would run, what was tried before, and what happened to it."""

    decision: Decision
    preview: Preview | None = None
    attempts: tuple[Attempt, ...] = ()
    trail: tuple[TrailEntry, ...] = ()
    advice: tuple[Advice, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A yes to all alike in one run."""

    id: str
    """That of the decision that made it."""
    run: str
    dag: str
    kind: DecisionKind
    likeness: str
    """What the decisions that it covers have in common; SHA-256, hexadecimal."""
    words: str
    """The same for people."""
    by: str
    """DID of who made it."""
    at: Instant
    reason: str = ""
    withdrawn_at: Instant | None = None
    withdrawn_by: str = ""
    used: int = 0
    """Decisions that it has approved."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that a person is to confirm."""

    client: str
    """Who calls, by the name that it gives itself."""
    tool: str
    about: str
    """The call in words."""
    why: str
    """Why a person is asked."""
    input: str = ""
    """What it was given, as far as that may be kept in clear."""
    call: str = ""
    """Its name."""
