"""What a DAG file says, after it was read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cis_tui.core.retry import Retry

MAX_TASKS = 20_000


class LevelKind(StrEnum):
    """The four decision levels (spec, Task Execution Flow, step 2)."""

    MECHANICAL = "mechanical"
    RECOMMENDED = "recommended"
    CONFIRMED = "confirmed"
    ARBITRATED = "arbitrated"


class Policy(StrEnum):
    """When a run counts as completed."""

    ALL_SUCCESS = "all_success"
    FIRST_SUCCESS = "first_success"
    ALLOW_DEBT = "allow_debt"


class Action(StrEnum):
    """What becomes of a recommended task when its countdown ends, and the three kinds of no."""

    EXECUTE = "execute"
    SKIP = "skip"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Level:
    """Who decides whether a task runs."""

    kind: LevelKind = LevelKind.MECHANICAL
    timeout: float | None = None
    """Seconds of the countdown or until the decision closes; None: the setting in `[decisions]`."""
    default_action: Action = Action.EXECUTE
    stakeholders: tuple[str, ...] = ()
    quorum: int = 1
    """Ballots that must be cast."""
    threshold: float | None = None
    """Part of the stakeholders that approvals must exceed; None: the setting."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task."""

    id: str
    name: str = ""
    skill: str = "shell"
    command: str | None = None
    """A line for the shell; only with the skill `shell`."""
    args: tuple[str, ...] = ()
    input: Mapping[str, object] = field(default_factory=dict[str, object])
    deps: tuple[str, ...] = ()
    level: Level = field(default_factory=Level)
    retry: Retry = field(default_factory=Retry)
    timeout: float | None = None
    """Seconds that one attempt may take; None: the skill's own limit, none for the shell."""
    condition: str | None = None
    """A Jinja2 expression; the task is skipped when it is false."""
    on_failure: str | None = None
    """The task that runs only if this one, or another one that names it, failed."""
    idempotent: bool = False
    """May run again after a crash without asking."""
    work_dir: str = "."
    """Relative to the project folder."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    target_node: str | None = None
    line: int | None = None
    """Where the task stands in its file."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a DAG: `-p name=value`, `{{ params.name }}`."""

    name: str
    type: str = "string"
    """string, integer, number or boolean."""
    default: object = None
    required: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class DagSpec:
    """A whole DAG."""

    name: str
    tasks: tuple[TaskSpec, ...]
    description: str = ""
    version: str = ""
    file: str = ""
    """The file it was read from."""
    policy: Policy = Policy.ALL_SUCCESS
    max_parallel: int | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    params: tuple[Param, ...] = ()

    def task(self, id: str) -> TaskSpec | None:
        """The task called `id`."""
        return next((task for task in self.tasks if task.id == id), None)

    def watched(self) -> dict[str, tuple[str, ...]]:
        """For each task that runs only after a failure, the tasks that name it in `on_failure`."""
        found: dict[str, list[str]] = {}
        for task in self.tasks:
            if task.on_failure is not None:
                found.setdefault(task.on_failure, []).append(task.id)
        return {handler: tuple(ids) for handler, ids in found.items()}
