"""What a DAG file says, after it was read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cis_tui.core.retry import Retry

MAX_TASKS = 20_000
"""Of one run, with those that come while it goes on."""
MAX_ITEMS = 1000
"""Of one `for_each`, unless it says `max_items`."""


PARAM_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def param_fits(kind: str, value: object) -> bool:
    """Whether a value is of the parameter type `kind`."""
    return isinstance(value, PARAM_TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


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


MECHANICAL = Level()
NO_RETRY = Retry()


@dataclass(frozen=True, slots=True)
class UndoStep:
    """One command or skill that takes back what its task did. It may run twice: it has to be idempotent."""

    skill: str = "shell"
    command: str | None = None
    """A line for the shell; only with the skill `shell`."""
    args: tuple[str, ...] = ()
    input: Mapping[str, object] = field(default_factory=dict[str, object])
    retry: Retry | None = None
    """None: as its task."""
    timeout: float | None = None
    """Seconds that one attempt may take; None: as its task."""


@dataclass(frozen=True, slots=True)
class AgentUse:
    """Who is asked by a task whose `command` is a prompt, and how."""

    name: str = ""
    """Empty: the project's or the person's default agent, or that of the task `reuse`."""
    model: str = ""
    max_tokens: int | None = None
    temperature: float | None = None
    effort: str = ""
    remember: str = ""
    """The key of memory that keeps the answer; empty for none."""
    keep: bool = False
    """Later tasks may go on with its conversation."""
    reuse: str = ""
    """The task whose conversation it goes on with."""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One task."""

    id: str
    name: str = ""
    skill: str = "shell"
    command: str | None = None
    """A line for the shell, or the prompt for `agent`; only with the skill `shell`."""
    agent: AgentUse | None = None
    """Of a task that asks an agent."""
    args: tuple[str, ...] = ()
    input: Mapping[str, object] = field(default_factory=dict[str, object])
    deps: tuple[str, ...] = ()
    level: Level = MECHANICAL
    retry: Retry = NO_RETRY
    timeout: float | None = None
    """Seconds that one attempt may take; None: the skill's own limit, none for the shell."""
    total_timeout: float | None = None
    """Seconds that all attempts may take together, or all tasks for which this one stands."""
    limit: str | None = None
    """One of the DAG's `limits`, which its attempts keep to."""
    condition: str | None = None
    """A Jinja2 expression; the task is skipped when it is false."""
    on_failure: str | None = None
    """The task that runs only if this one, or another one that names it, failed."""
    rollback: tuple[UndoStep, ...] = ()
    """What takes back what it did, in this order."""
    creates: tuple[str, ...] = ()
    """Files and folders, relative to `work_dir`, that a rollback removes, or puts back as they were."""
    idempotent: bool = False
    """May run again after a crash without asking."""
    work_dir: str = "."
    """Relative to the project folder."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    target_node: str | None = None
    dag: str | None = None
    """Another DAG, whose tasks run in the place of this one; `input` is what its parameters are."""
    for_each: tuple[object, ...] | str | None = None
    """The task is run once for each item of this list, or of the list that this expression gives."""
    max_items: int = MAX_ITEMS
    max_parallel: int | None = None
    """How many of the tasks that this one stands for run at the same time; None: no limit of its own."""
    given: Mapping[str, object] = field(default_factory=dict[str, object])
    """What templates see besides: `item` and `index` of a task that is one of many."""
    line: int | None = None
    """Where the task stands in its file."""
    literal: bool = False
    """Nothing of it is a template; of what a skill has scheduled, or another node has sent."""
    not_before: float = 0.0
    """When it may begin, in seconds since 1970; of what a skill has scheduled."""

    @property
    def stands_for_others(self) -> bool:
        """Whether other tasks, which are known when it is ready, run in its place."""
        return self.dag is not None or self.for_each is not None


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
    rollback_on_failure: bool = False
    """Whether a run that failed is rolled back by itself."""
    max_parallel: int | None = None
    limits: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many attempts of tasks that name a limit run at the same time in one run."""
    timeout: float | None = None
    """Seconds that a run may take."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    params: tuple[Param, ...] = ()
    dags: Mapping[str, DagSpec] = field(default_factory=dict[str, "DagSpec"])
    """The DAGs that its tasks stand for, and those that theirs do, by name."""

    @property
    def skills(self) -> set[str]:
        """The names of the skills that it calls, with those of its `dags`."""
        tasks = [task for spec in (self, *self.dags.values()) for task in spec.tasks]
        steps = {step.skill for task in tasks for step in task.rollback}
        return steps | {task.skill for task in tasks if task.dag is None}

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
