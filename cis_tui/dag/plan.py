"""What a run would do, without doing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cis_tui.core.text import clean_line
from cis_tui.dag.calls import Calls
from cis_tui.dag.estimates import longest_way, pattern
from cis_tui.dag.expansion import Expansion, inner_spec
from cis_tui.dag.graph import after_failure, levels
from cis_tui.dag.model import DagSpec, TaskSpec
from cis_tui.dag.record import RunRecord
from cis_tui.dag.views import DagPlan, PlannedTask

MAX_SHOWN = 1000
"""Tasks that a plan names; those of the DAG itself are all there."""


def plan(
    spec: DagSpec, params: Mapping[str, object], *, project: str, earlier: Mapping[str, float] | None = None
) -> DagPlan:
    """The tasks of `spec` with what each would run, as far as it is known before a run, and how long that took before.

    Nothing is read from memory, so that a plan can be shown to anybody. `earlier`: see `read_durations`.
    """
    calls = Calls(RunRecord("", spec, project, params=params), {}, lambda key: None)
    seconds = earlier or {}
    tasks = tuple(_planned(spec, calls, seconds, "", MAX_SHOWN))
    known = {task.id: task.seconds for task in tasks if task.seconds is not None}
    aside = after_failure(spec)
    return DagPlan(
        spec.name,
        levels(spec),
        {task.id: task.command for task in tasks},
        params,
        tasks=tasks,
        seconds=longest_way(spec, known) if any(task.id in known for task in spec.tasks) else None,
        unknown=sum(task.id not in known and task.id not in aside for task in spec.tasks),
    )


def _planned(
    spec: DagSpec, calls: Calls, earlier: Mapping[str, float], parent: str, left: int
) -> Iterator[PlannedTask]:
    """The tasks of `spec`, each before those for which it stands, of which at most `left` are given."""
    watched = spec.watched()
    for task in spec.tasks:
        items = calls.foreseen_items(task) if task.for_each is not None else None
        yield PlannedTask(
            id=task.id,
            name=task.name,
            level=task.level.kind,
            command=_command(task, calls),
            deps=task.deps,
            parent=parent,
            condition=clean_line(task.condition or "", limit=500),
            on_failure=task.on_failure or "",
            after_failure_of=watched.get(task.id, ()),
            dag=task.dag or "",
            for_each=_list(task, items),
            items=None if items is None else len(items),
            seconds=_seconds(task, items, earlier),
            target_node=task.target_node or "",
        )
        inner = _inner(task, calls)
        if inner is not None and left > 0:
            inside = list(_planned(*inner, earlier, task.id, left - len(inner[0].tasks)))
            left -= len(inside)
            yield from inside


def _command(task: TaskSpec, calls: Calls) -> str:
    if task.dag is None:
        return calls.preview(task)
    shown = ", ".join(f"{name} = {value}" for name, value in task.input.items())
    return clean_line(f"dag {task.dag}" + (f" with {shown}" if shown else ""), limit=500)


def _list(task: TaskSpec, items: tuple[object, ...] | None) -> str:
    if items is not None:
        more = ", …" if len(items) > 5 else ""
        return clean_line(", ".join(map(str, items[:5])) + more, limit=200) or "nothing"
    return clean_line(str(task.for_each or ""), limit=200)


def _seconds(task: TaskSpec, items: tuple[object, ...] | None, earlier: Mapping[str, float]) -> float | None:
    if items == ():
        return 0.0
    return earlier.get(pattern(task.id))


def _inner(task: TaskSpec, calls: Calls) -> tuple[DagSpec, Calls] | None:
    """The tasks for which `task`, or one of the many for which it stands, stands; None if there are none to show."""
    if task.dag is None:
        return None
    one = task if task.for_each is None else replace(task, id=f"{task.id}[*]", for_each=None)
    expansion = Expansion(params=calls.foreseen_params(one))
    return inner_spec(one, expansion, calls.spec, calls.dags), calls.within(one, expansion)
