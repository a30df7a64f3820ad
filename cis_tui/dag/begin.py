"""The data of the events with which runs begin, go on and grow, and the tasks that they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cis_tui.core.codec import encode
from cis_tui.dag.executors.names import LOCAL
from cis_tui.dag.model import DagSpec, TaskSpec
from cis_tui.dag.views import TaskStatus, TaskView


def task_views(spec: DagSpec) -> tuple[TaskView, ...]:
    """The tasks of `spec` as they are before a run."""
    return tuple(
        TaskView(
            task.id,
            TaskStatus.PENDING,
            task.level.kind,
            name=task.name,
            deps=task.deps,
            on_failure=task.on_failure or "",
            command=task.command if task.command and task.for_each is None else _written(task),
        )
        for task in spec.tasks
    )


def _written(task: TaskSpec) -> str:
    """What a task runs, as its file says it."""
    what = f"dag {task.dag}" if task.dag is not None else task.command or " ".join((task.skill, *task.args))
    return what if task.for_each is None else f"for each: {what}"


def run_started(
    run: str,
    spec: DagSpec,
    project: str,
    params: Mapping[str, object],
    tasks: Iterable[TaskView] | None = None,
    *,
    executor: str = LOCAL,
) -> dict[str, object]:
    """Data of the RunStarted event of a new run of `spec`; `tasks`: its `task_views`, if they are there already."""
    return {
        **_by(executor),
        "run": run,
        "dag": spec.name,
        "project": project,
        "file": spec.file,
        "policy": spec.policy.value,
        "params": encode(params),
        "tasks": [_task_data(view) for view in tasks or task_views(spec)],
    }


def run_resumed(
    run: str, again: Iterable[str], dropped: Iterable[str] = (), *, executor: str = LOCAL
) -> dict[str, object]:
    """Data of the RunStarted event of a run that goes on; the tasks `again` begin anew, those `dropped` are no more."""
    return {"run": run, "resumed": True, "again": list(again), "dropped": list(dropped), **_by(executor)}


def _by(executor: str) -> dict[str, object]:
    return {} if executor == LOCAL else {"executor": executor}


def task_expanded(run: str, task: str, items: Iterable[object] | None, views: Iterable[TaskView]) -> dict[str, object]:
    """Data of the TaskExpanded event of a task that stands for `views`."""
    data: dict[str, object] = {"run": run, "task": task, "tasks": [_task_data(view) for view in views]}
    return data if items is None else {**data, "items": list(items)}


def _task_data(view: TaskView) -> dict[str, object]:
    """A task that has not begun, without what every such task has in common: a DAG may have thousands."""
    data: dict[str, object] = {"id": view.id, "status": view.status.value, "level": view.level.value}
    if view.name:
        data["name"] = view.name
    if view.deps:
        data["deps"] = list(view.deps)
    if view.on_failure:
        data["on_failure"] = view.on_failure
    if view.command:
        data["command"] = view.command
    return data
