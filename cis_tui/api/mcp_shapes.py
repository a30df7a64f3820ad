"""What the tools of the MCP server answer: bounded, clean where it is for reading, with a schema that clients see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from typing_extensions import TypedDict

from cis_tui.core.codec import encode
from cis_tui.core.text import clean, clean_line
from cis_tui.dag.views import DagInfo, DagPlan, Decision, RunView, TaskView
from cis_tui.memory.queries import Hit
from cis_tui.memory.records import MemoryItem
from cis_tui.skills.arguments import synopsis
from cis_tui.skills.model import SkillInfo, SkillResult

MAX_VALUE = 40_000
"""Characters of a value, or of what a skill answered."""
MAX_TAIL = 4000
"""Characters of the end of what a task printed; a run has `MAX_OUTPUT` of it in all."""
MAX_OUTPUT = 40_000
MAX_TASKS = 500
MAX_PROBLEMS = 100


class Entry(TypedDict):
    """An entry of memory."""

    key: str
    value: str
    cut: bool
    domain: str
    index_type: str
    created_at: str
    week: str
    deleted: bool


class Written(TypedDict):
    """What became of a write."""

    key: str
    domain: str
    index_type: str
    readable: bool
    note: str


class Entries(TypedDict):
    """Entries, or versions of one."""

    items: list[Entry]


class Found(TypedDict):
    """One hit of a search."""

    key: str
    value: str
    cut: bool
    domain: str
    score: float
    why: str


class Search(TypedDict):
    """Hits, best first."""

    hits: list[Found]
    note: str


class Problem(TypedDict):
    """What is wrong with a file."""

    severity: str
    message: str
    file: str
    line: int | None
    hint: str


class Dag(TypedDict):
    """A DAG as it lies in a file."""

    name: str
    file: str
    description: str
    tasks: list[str]
    params: dict[str, str]
    runnable: bool
    trusted: bool
    problems: list[Problem]


class Dags(TypedDict):
    """DAGs of the project."""

    dags: list[Dag]


class PlannedTask(TypedDict):
    """What a run would do about a task."""

    id: str
    level: str
    deps: list[str]
    command: str


class Plan(TypedDict):
    """What a run would do."""

    dag: str
    levels: list[list[str]]
    tasks: list[PlannedTask]
    params: dict[str, str]
    seconds: float | None


class Task(TypedDict):
    """A task of a run."""

    id: str
    status: str
    level: str
    attempts: int
    exit_code: int | None
    output: str
    error: str


class Pending(TypedDict):
    """A decision."""

    id: str
    kind: str
    status: str
    run: str
    task: str
    prompt: str
    deadline: str
    by: str
    reason: str


class Decisions(TypedDict):
    """Decisions, oldest first."""

    decisions: list[Pending]


class Run(TypedDict):
    """A run of a DAG."""

    id: str
    dag: str
    status: str
    ended: bool
    error: str
    tasks: list[Task]
    decisions: list[Pending]


class Skill(TypedDict):
    """A skill."""

    name: str
    version: str
    description: str
    trusted: bool
    asks: str
    commands: list[str]


class Skills(TypedDict):
    """The skills that can be called from here."""

    skills: list[Skill]


class Called(TypedDict):
    """What a skill answered."""

    success: bool
    output: object
    exit_code: int
    duration: float
    note: str


def entry(item: MemoryItem, limit: int = MAX_VALUE) -> Entry:
    """`item` with at most `limit` characters of its value."""
    text = text_of(item)
    return Entry(
        key=item.key,
        value=text[:limit],
        cut=len(text) > limit,
        domain=item.domain.value,
        index_type=item.index_type.value,
        created_at=item.created_at.iso(),
        week=item.week,
        deleted=item.deleted,
    )


def text_of(item: MemoryItem) -> str:
    """The value as text."""
    return item.value if isinstance(item.value, str) else f"({len(item.value)} bytes that are not text)"


def found(hit: Hit, limit: int = 2000) -> Found:
    """`hit` with at most `limit` characters of the entry's value."""
    text = text_of(hit.item)
    return Found(
        key=hit.item.key,
        value=text[:limit],
        cut=len(text) > limit,
        domain=hit.item.domain.value,
        score=round(hit.score, 4),
        why=hit.why,
    )


def dag(info: DagInfo) -> Dag:
    """`info`, bounded."""
    return Dag(
        name=clean_line(info.name),
        file=clean_line(info.file),
        description=clean_line(info.description),
        tasks=[clean_line(task.id) for task in info.tasks[:MAX_TASKS]],
        params={param.name: clean_line(param.description) for param in info.params},
        runnable=info.runnable,
        trusted=info.trusted,
        problems=[
            Problem(
                severity=problem.severity.value,
                message=clean_line(problem.message, limit=2000),
                file=clean_line(problem.file),
                line=problem.line,
                hint=clean_line(problem.hint),
            )
            for problem in info.problems[:MAX_PROBLEMS]
        ],
    )


def plan(planned: DagPlan) -> Plan:
    """`planned`, bounded."""
    return Plan(
        dag=clean_line(planned.dag),
        levels=[[clean_line(id) for id in level] for level in planned.levels],
        tasks=[
            PlannedTask(
                id=clean_line(task.id), level=task.level.value, deps=list(task.deps), command=clean_line(task.command)
            )
            for task in planned.tasks[:MAX_TASKS]
        ],
        params={name: clean_line(str(value)) for name, value in planned.params.items()},
        seconds=planned.seconds,
    )


def decision(asked: Decision) -> Pending:
    """`asked`, bounded."""
    return Pending(
        id=asked.id,
        kind=asked.kind.value,
        status=asked.status.value,
        run=asked.run,
        task=clean_line(asked.task),
        prompt=clean(asked.prompt, limit=2000),
        deadline=asked.deadline.iso() if asked.deadline is not None else "",
        by=asked.by,
        reason=clean_line(asked.reason),
    )


def run(view: RunView, decisions: Iterable[Decision]) -> Run:
    """`view`, bounded, with those of `decisions` that are about it."""
    room = MAX_OUTPUT
    tasks: list[Task] = []
    for each in view.tasks[:MAX_TASKS]:
        shown = task(each, min(MAX_TAIL, room))
        room -= len(shown["output"])
        tasks.append(shown)
    return Run(
        id=view.id,
        dag=clean_line(view.dag),
        status=view.status.value,
        ended=view.status.ended,
        error=clean_line(view.error, limit=2000),
        tasks=tasks,
        decisions=[decision(each) for each in decisions if each.run == view.id],
    )


def task(view: TaskView, tail: int) -> Task:
    """`view` with the last `tail` characters of what it printed."""
    output = clean(view.output)
    return Task(
        id=clean_line(view.id),
        status=view.status.value,
        level=view.level.value,
        attempts=view.attempts,
        exit_code=view.exit_code,
        output=output[-tail:] if tail > 0 else "",
        error=clean_line(view.error, limit=2000),
    )


def skill(info: SkillInfo, asks: str) -> Skill:
    """`info`; `asks` says why a person is asked before a call, empty when nobody is."""
    several = len(info.exports) > 1
    return Skill(
        name=clean_line(info.name),
        version=clean_line(info.version),
        description=clean_line(info.description),
        trusted=info.trusted,
        asks=clean_line(asks),
        commands=[clean_line(synopsis(info.name, each, several=several)) for each in info.exports],
    )


def called(result: SkillResult) -> Called:
    """`result`, bounded: of a long answer the beginning."""
    output, note = encode(result.output), result.note
    text = output if isinstance(output, str) else ""
    if isinstance(output, str):
        text = clean(output)
        output = text[:MAX_VALUE]
    else:
        from cis_tui.core.codec import dumps

        text = dumps(output)
        output = output if len(text) <= MAX_VALUE else text[:MAX_VALUE]
    if len(text) > MAX_VALUE:
        note = "; ".join(filter(None, (note, f"{len(text) - MAX_VALUE} more characters are left out")))
    return Called(
        success=result.success,
        output=cast("object", output),
        exit_code=result.exit_code,
        duration=result.duration,
        note=clean_line(note),
    )
