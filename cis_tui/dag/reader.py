"""Reads the contract's shape of a DAG strictly; whatever does not fit becomes a problem."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from cis_tui.core.document import is_list, is_table
from cis_tui.core.retry import Retry
from cis_tui.core.tables import Table, is_number, is_plain
from cis_tui.core.text import clean_line
from cis_tui.dag.agent_fields import read_agent
from cis_tui.dag.model import (
    MAX_ITEMS,
    MAX_TASKS,
    PARAM_TYPES,
    Action,
    DagSpec,
    Level,
    LevelKind,
    Param,
    Policy,
    TaskSpec,
    UndoStep,
    param_fits,
)

MAX_ID = 128
"""Characters of a task's id."""
MAX_STEPS = 100
"""Commands and skills that take back one task."""
DAY = 86_400
MONTH = 30 * DAY
ROLLBACK_POLICY = "rollback_on_failure"

_CANNOT: Mapping[str, str] = {
    "tasks": 'tasks within tasks; another file can have them, and dag = "its name" runs it',
    "matrix": "a matrix; for_each runs a task for each item of a list",
}
"""Fields of a task without which it would do something else than its author meant."""
_LEVEL_FIELDS: Mapping[LevelKind, frozenset[str]] = {
    LevelKind.MECHANICAL: frozenset(),
    LevelKind.RECOMMENDED: frozenset({"timeout", "default_action"}),
    LevelKind.CONFIRMED: frozenset({"timeout"}),
    LevelKind.ARBITRATED: frozenset({"timeout", "stakeholders", "quorum", "threshold"}),
}


def read_dag(top: Table, *, name: str) -> DagSpec:
    """The DAG in a table of the contract's shape; `name` is what it is called if it does not say.

    Fields that do not fit have their default, tasks without a usable id are left out: the notes of `top` tell.
    """
    skill = top.table("skill")
    dag = top.table("dag")
    spec = DagSpec(
        name=skill.line("name", limit=MAX_ID) or name,
        version=skill.line("version") if not is_number(skill.data.get("version")) else str(skill.get("version")),
        description=skill.prose("description"),
        policy=_policy(dag),
        rollback_on_failure=_rolls_back(dag),
        max_parallel=dag.whole("max_parallel", 1, 256),
        limits=_limits(dag.table("limits")),
        timeout=dag.number("timeout_secs", 0, MONTH, unit="seconds", above=True),
        env=dag.strings("env"),
        params=_params(dag.table("params")),
        tasks=_tasks(dag),
        file=top.notes.file,
    )
    skill.line("author")
    skill.choice("type", ("dag",), "dag")
    for table, field in ((top, "metadata"), (dag, "todo")):
        if table.get(field) is not None:
            table.notes.warn(
                table.at(field), f'"{field}" is read but not carried out by this version: it is for people'
            )
    for table in (skill, dag, top):
        table.finish()
    return spec


def _policy(dag: Table) -> Policy:
    value = dag.choice("policy", [*Policy, ROLLBACK_POLICY], Policy.ALL_SUCCESS)
    return Policy.ALL_SUCCESS if value == ROLLBACK_POLICY else Policy(value)


def _rolls_back(dag: Table) -> bool:
    by_policy = dag.data.get("policy") == ROLLBACK_POLICY
    said = dag.flag("rollback_on_failure", by_policy)
    if by_policy and not said:
        message = f'the policy "{ROLLBACK_POLICY}" and rollback_on_failure = false: nothing is rolled back'
        dag.notes.warn(dag.at("rollback_on_failure"), message)
    return said


def _limits(table: Table) -> dict[str, int]:
    return {name: limit for name in table.data if (limit := table.whole(name, 1, 10_000)) is not None}


def _params(table: Table) -> tuple[Param, ...]:
    return tuple(_param(name, table.table(name)) for name in table.data)


def _param(name: str, table: Table) -> Param:
    kind = table.choice("type", PARAM_TYPES, "string")
    default = table.get("default")
    if default is not None and not param_fits(kind, default):
        table.wrong(("default",), default, f"a value of type {kind}")
        default = None
    param = Param(name, kind, default, table.flag("required"), table.line("description"))
    if not name.isidentifier():
        table.notes.error(table.path, f'"{name}" cannot be the name of a parameter', "use letters, digits and _")
    table.finish()
    return param


def _tasks(dag: Table) -> tuple[TaskSpec, ...]:
    tables = dag.tables("tasks")
    if not tables and not dag.notes.broken:
        dag.notes.error(dag.path, "there are no tasks", 'a task is [[dag.tasks]] with id = "…" and command = "…"')
    if len(tables) > MAX_TASKS:
        dag.notes.error(dag.at("tasks"), f"{len(tables)} tasks, expected at most {MAX_TASKS}")
    tasks: dict[str, TaskSpec] = {}
    for table in tables[:MAX_TASKS]:
        task = _task(table)
        if task.id in tasks:
            first = tasks[task.id].line
            where = f"; the first one is in line {first}" if first else ""
            table.notes.error(table.at("id"), f'there are two tasks with the id "{task.id}"{where}')
        elif task.id:
            tasks[task.id] = task
    return tuple(tasks.values())


def _task(table: Table) -> TaskSpec:
    id = _id(table)
    command = _command(table)
    prompt, agent, patience = read_agent(table)
    level = table.table("level")
    task = TaskSpec(
        id=id,
        name=table.line("name") or id,
        skill=table.line("skill", "shell", limit=MAX_ID),
        command=prompt or command,
        agent=agent,
        args=table.texts("args", numbers=True),
        input=table.plain("input"),
        deps=_deps(table),
        level=_level(level),
        retry=_retry(table),
        timeout=table.number("timeout_secs", 0, MONTH, unit="seconds", above=True) or patience,
        total_timeout=table.number("total_timeout_secs", 0, MONTH, unit="seconds", above=True),
        limit=table.line("limit", limit=MAX_ID) or None,
        condition=table.text("condition").strip() or None,
        on_failure=table.text("on_failure").strip() or None,
        rollback=_rollback(table),
        creates=_creates(table),
        idempotent=table.flag("idempotent"),
        work_dir=table.text("work_dir") or ".",
        env=table.strings("env"),
        target_node=table.line("target_node") or None,
        dag=table.line("dag", limit=MAX_ID) or None,
        for_each=_for_each(table),
        max_items=table.whole("max_items", 1, MAX_TASKS) or MAX_ITEMS,
        max_parallel=table.whole("max_parallel", 1, 256),
        line=table.notes.line_of(table.path),
    )
    if command is not None and task.skill != "shell":
        message = f'"command" goes with the skill "shell", not with "{task.skill}"'
        table.notes.error(table.at("command"), message, 'give "args" and "input" to the skill, or leave "skill" out')
    _together(table, task)
    _later(table, id)
    table.finish()
    return task


def _rollback(task: Table) -> tuple[UndoStep, ...]:
    value = task.get("rollback")
    if is_list(value):
        steps = [_undo_step(task, item, ("rollback", index)) for index, item in enumerate(value[:MAX_STEPS])]
        if len(value) > MAX_STEPS:
            task.wrong(("rollback",), value, f"at most {MAX_STEPS} commands or tables")
    else:
        steps = [] if value is None else [_undo_step(task, value, ("rollback",))]
    return tuple(step for step in steps if step is not None)


def _undo_step(task: Table, value: object, below: tuple[str | int, ...]) -> UndoStep | None:
    """A line for the shell, or a table with a command or a skill."""
    if not is_table(value):
        if isinstance(value, str) and value.strip() and is_plain(value):
            return UndoStep(command=value.strip())
        task.wrong(below, value, 'a command, or a table such as { skill = "…", input = { … } }')
        return None
    table = Table(value, (*task.path, *below), task.notes)
    step = UndoStep(
        skill=table.line("skill", "shell", limit=MAX_ID),
        command=_command(table),
        args=table.texts("args", numbers=True),
        input=table.plain("input"),
        retry=_retry(table) if "retry" in table.data else None,
        timeout=table.number("timeout_secs", 0, MONTH, unit="seconds", above=True),
    )
    if step.skill == "shell" and not (step.command or step.args or step.input):
        table.notes.error(table.path, "a step of a rollback with nothing to run", 'give it "command" or "skill"')
    elif step.skill != "shell" and step.command is not None:
        table.notes.error(table.at("command"), f'"command" goes with the skill "shell", not with "{step.skill}"')
    table.finish()
    return step


def _creates(task: Table) -> tuple[str, ...]:
    if isinstance(task.get("creates"), str):
        return tuple(filter(None, [task.text("creates").strip()]))
    return tuple(dict.fromkeys(path for path in task.texts("creates", what="a list of paths") if path.strip()))


def _for_each(table: Table) -> tuple[object, ...] | str | None:
    value = table.get("for_each")
    if value is None:
        return None
    if is_list(value):
        return tuple(table.plain_list("for_each"))
    return table.text("for_each", expected="a list, or an expression that gives one").strip() or None


def _together(table: Table, task: TaskSpec) -> None:
    """Speak up about fields that say nothing beside those that are there."""
    idle: list[tuple[str, str]] = []
    if task.dag is not None:
        for field in ("command", "args", "skill"):
            if field in table.data and not (field == "skill" and task.skill == "shell"):
                message = f'"{field}" does not go with "dag": the tasks of the other DAG run instead'
                table.notes.error(table.at(field), message, 'take one of them out; its parameters go into "input"')
        told = "a task that stands for another DAG: its tasks have their own"
        idle += [(field, told) for field in ("retry", "idempotent", "timeout_secs", "work_dir", "creates")]
    if task.for_each is None:
        idle.append(("max_items", "a task without for_each"))
    if not task.stands_for_others:
        idle.append(("max_parallel", "a single task; that of the DAG stands in [dag]"))
    for field, where in idle:
        if table.data.get(field) not in (None, False, 0):
            table.notes.warn(table.at(field), f'"{field}" means nothing for {where}')


def _id(table: Table) -> str:
    id = table.text("id")
    if "id" not in table.data and table.data:
        table.notes.error(table.path, 'a task has no "id"', 'give it a name that others can put into "deps"')
    elif "id" in table.data and isinstance(table.get("id"), str) and (not id.strip() or len(id) > MAX_ID):
        table.wrong(("id",), table.get("id"), f"a text of 1 to {MAX_ID} characters")
        return ""
    elif id != clean_line(id) or id != id.strip():
        table.wrong(("id",), id, "one line without control characters or spaces around it")
        return ""
    return id


def _command(table: Table) -> str | None:
    value = table.get("command")
    if isinstance(value, list):
        words = table.texts("command", what="text, or a list of words")
        return shlex.join(words) if words else None
    return table.text("command", expected="text, or a list of words").strip() or None


def _deps(table: Table) -> tuple[str, ...]:
    deps = table.texts("deps", what="a list of task ids", numbers=True)
    once = tuple(dict.fromkeys(deps))
    if len(once) < len(deps):
        table.notes.warn(table.at("deps"), "a task that is named twice in deps counts once")
    return once


def _level(table: Table) -> Level:
    kind = LevelKind(table.choice("type", LevelKind, LevelKind.MECHANICAL))
    low = 0 if kind is LevelKind.RECOMMENDED else 1
    level = Level(
        kind=kind,
        timeout=table.number("timeout", low, DAY if kind is LevelKind.RECOMMENDED else MONTH, unit="seconds"),
        default_action=Action(table.choice("default_action", Action, Action.EXECUTE)),
        stakeholders=tuple(dict.fromkeys(clean_line(name) for name in table.texts("stakeholders"))),
        quorum=table.whole("quorum", 1, 1000) or 1,
        threshold=_threshold(table),
    )
    if "type" in table.data:
        for field in sorted(_LEVEL_FIELDS[LevelKind.ARBITRATED] | _LEVEL_FIELDS[LevelKind.RECOMMENDED]):
            if field in table.data and field not in _LEVEL_FIELDS[kind]:
                table.notes.warn(table.at(field), f'"{field}" means nothing at the level "{kind}"')
    elif table.data:
        table.notes.error(table.path, 'a level without "type"', "one of " + ", ".join(LevelKind))
    table.finish()
    return level


def _threshold(table: Table) -> float | None:
    value = table.number("threshold", 0, 1)
    if value == 1:
        table.wrong(("threshold",), 1, "less than 1: approvals must be more than this part of those who may vote")
        return None
    return value


def _retry(task: Table) -> Retry:
    if not isinstance(task.get("retry"), dict):
        return Retry(max=task.whole("retry", 0, 1000) or 0)
    table = task.table("retry")
    default = Retry()

    def seconds(name: str, usual: float) -> float:
        value = table.number(name, 0, DAY, unit="seconds")
        return usual if value is None else value

    factor = table.number("factor", 1, 100)
    retry = Retry(
        max=table.whole("max", 0, 1000) or 0,
        backoff=seconds("backoff", default.backoff),
        factor=default.factor if factor is None else factor,
        max_delay=seconds("max_delay", default.max_delay),
        jitter=table.flag("jitter", default.jitter),
    )
    table.finish()
    return retry


def _later(table: Table, id: str) -> None:
    """Speak up about what this version does not do."""
    if table.get("target_node"):
        message = f'"target_node" is a worker\'s label, or one of your other nodes: else "{id}" runs here'
        hint = "--executor dask://HOST:PORT has workers with labels, cis peer list shows your nodes"
        table.notes.warn(table.at("target_node"), message, hint)
    for field, what in _CANNOT.items():
        if table.get(field) is not None:
            message = f'the task "{id}" has "{field}": this version cannot run {what}'
            table.notes.error(table.at(field), message, "take the task out, or write it as a command")
