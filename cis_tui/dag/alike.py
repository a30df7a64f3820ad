"""Approving all alike: which decisions are, and the yes to all of them that is in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cis_tui.core.codec import encode
from cis_tui.core.text import clean_line
from cis_tui.dag.inspection import Rule
from cis_tui.dag.model import LevelKind, TaskSpec
from cis_tui.dag.trail import canonical, digest

_KINDS = (LevelKind.RECOMMENDED, LevelKind.CONFIRMED)
"""A vote is never cast ahead, and what was interrupted is looked at one by one."""
WRITTEN = "call is written so: "
"""What stands before the call in the words of a likeness."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What decisions have in common that are alike; they also have to be of one run."""

    key: str
    """SHA-256, hexadecimal."""
    words: str


def likeness(task: TaskSpec) -> Likeness | None:
    """What is alike to a task: the same kind of decision about the same call, as the file writes it.

    What templates make of the call may differ: that is what makes several of them. None if nothing can be.
    """
    if task.level.kind not in _KINDS or task.for_each is not None:
        return None
    call = {
        "kind": task.level.kind.value,
        "skill": task.skill,
        "command": task.command,
        "args": list(task.args),
        "input": dict(task.input),
        "dag": task.dag,
        "work_dir": task.work_dir,
        "env": dict(task.env),
        **({"agent": encode(task.agent)} if task.agent else {}),
    }
    written = task.command or (f"the DAG {task.dag}" if task.dag else " ".join((task.skill, *task.args)))
    words = f"every {task.level.kind} task of this run whose {WRITTEN}{clean_line(written, limit=200)}"
    return Likeness(digest(canonical(call)), words)


class Rules:
    """The rules in force, by run."""

    def __init__(self) -> None:
        self._rules: dict[str, dict[str, Rule]] = {}
        """Run to likeness to rule."""

    def adopt(self, rules: Iterable[Rule]) -> None:
        """Take rules into force, those of a run that is resumed or one just made; not those that were withdrawn."""
        for rule in rules:
            if rule.withdrawn_at is None:
                self._rules.setdefault(rule.run, {})[rule.likeness] = rule

    def covering(self, run: str, like: Likeness | None) -> Rule | None:
        """The rule that covers a decision of `run`."""
        return self._rules.get(run, {}).get(like.key) if like else None

    def find(self, id: str) -> Rule | None:
        """The rule of a decision."""
        return next((rule for rules in self._rules.values() for rule in rules.values() if rule.id == id), None)

    def drop(self, rule: Rule) -> None:
        """It covers nothing any more."""
        rules = self._rules.get(rule.run, {})
        if rule.likeness in rules and rules[rule.likeness].id == rule.id:
            del rules[rule.likeness]

    def forget(self, run: str) -> None:
        """The run is no longer worked on."""
        self._rules.pop(run, None)
