"""Turns a whole DAG file of any known dialect into the contract's shape; says what was taken as what."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cis_tui.core.document import Notes, as_table, is_list, is_table
from cis_tui.core.tables import describe
from cis_tui.dag.dialects import normalise_task, seconds
from cis_tui.dag.draft import Draft
from cis_tui.dag.edges import read_edges

CONTAINERS = ("workflow", "pipeline", "flow", "graph")
"""Tables that other programs have where ours is `[dag]`."""
LISTS = ("tasks", "nodes", "steps", "jobs", "stages", "task", "node", "step", "job")
"""Names of the list of tasks."""
METADATA = ("name", "version", "description", "author")
_NAMES: Mapping[str, str] = {
    "dag_id": "name",
    "workflow_id": "name",
    "pipeline_id": "name",
    "id": "name",
    "title": "name",
}
_DAG_FIELDS = ("policy", "max_parallel", "limits", "timeout_secs", "env", "params", "rollback_on_failure", "todo")
_DAG_NAMES: Mapping[str, str] = {
    "timeout": "timeout_secs",
    "timeout_seconds": "timeout_secs",
    "concurrency": "max_parallel",
    "parallelism": "max_parallel",
    "max_concurrency": "max_parallel",
    "environment": "env",
    "variables": "env",
    "vars": "env",
    "parameters": "params",
    "inputs": "params",
}


def normalise(raw: object, notes: Notes) -> dict[str, object]:
    """The content of a DAG file as `{"skill": {…}, "dag": {…, "tasks": […]}}`, with whatever else it has.

    What cannot be understood is left where it is, for the reader of the contract's shape to report.
    """
    top = Draft(dict(as_table(raw)), (), (), notes)
    if is_list(raw) and _looks_like_tasks(raw):
        top.data["dag"] = {"tasks": raw}
        notes.moved["dag", "tasks"] = ()
        notes.warn((), 'a file that is one list is read as "dag.tasks"')
    _container(top)
    dag = _part(top, "dag")
    skill = _part(top, "skill")
    if dag is None or skill is None:
        return top.data
    _dag_in_dag(dag)
    _task_list(top, dag)
    _hoist(top, dag, (*_DAG_FIELDS, *_DAG_NAMES))
    dag.rename(_DAG_NAMES)
    _hoist(dag, skill, (*METADATA, *_NAMES))
    _hoist(top, skill, (*METADATA, *_NAMES))
    skill.rename(_NAMES)
    seconds(dag, "timeout_secs")
    _policy(dag)
    _params(dag)
    _tasks(dag)
    read_edges(top, dag)
    return top.data


def _part(top: Draft, name: str) -> Draft | None:
    """The table `name`, made if it is not there; None if something else has its name."""
    if name not in top.data:
        top.data[name] = {}
    return top.inner(name)


def _container(top: Draft) -> None:
    if "dag" in top.data:
        return
    for name in CONTAINERS:
        if is_table(top.data.get(name)):
            top.move(name, "dag")
            top.warn(name, f"[{name}] is read as [dag]")
            return


def _dag_in_dag(dag: Draft) -> None:
    """`dag.env = …` below `[dag]`, which TOML reads as `dag.dag.env`."""
    inner = dag.inner("dag")
    if inner is None:
        return
    for field in [name for name in inner.data if name not in dag.data]:
        dag.data[field] = inner.data.pop(field)
        dag.notes.moved[(*dag.path, field)] = (*inner.source, field)
        dag.warn("dag", f'"dag.{field}" below [dag] is read as "{field}"')
    if not inner.data:
        del dag.data["dag"]


def _task_list(top: Draft, dag: Draft) -> None:
    """Find the tasks, wherever they are, and put them to `dag.tasks`."""
    for holder in (dag, top):
        for name in LISTS:
            if _looks_like_tasks(holder.data.get(name)):
                path = (*holder.source, name)
                if holder is dag and name == "tasks":
                    return
                dag.data["tasks"] = holder.data.pop(name)
                dag.notes.moved[(*dag.path, "tasks")] = path
                dag.notes.warn(path, f'"{name}" is read as "dag.tasks"')
                return


def _looks_like_tasks(value: object) -> bool:
    items = value if is_list(value) else list(value.values()) if is_table(value) else []
    return bool(items) and all(is_table(item) for item in items)


def _hoist(source: Draft, target: Draft, fields: tuple[str, ...]) -> None:
    """Move fields from a table to the one where the contract has them, unless that has them already."""
    for field in fields:
        if field in source.data and field not in target.data:
            target.data[field] = source.data.pop(field)
            origin = (*source.source, field)
            target.notes.moved[(*target.path, field)] = origin
            name = _NAMES.get(field, _DAG_NAMES.get(field, field))
            if field == name:
                target.notes.warn(origin, f'"{field}" is read as "{target.path[0]}.{name}"')


def _policy(dag: Draft) -> None:
    value = dag.data.get("policy")
    if is_table(value) and isinstance(value.get("type"), str):
        value = value["type"]
    if isinstance(value, str):
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])|[\s-]+", "_", value.strip()).lower()
        if snake != dag.data["policy"]:
            dag.warn("policy", f'the policy {describe(value)} is read as "{snake}"')
        dag.data["policy"] = snake


def _params(dag: Draft) -> None:
    """Parameters given as a list, or by their default alone."""
    params = dag.data.get("params")
    if is_list(params) and all(is_table(item) and isinstance(item.get("name"), str) for item in params):
        dag.data["params"] = {
            str(item["name"]): {field: value for field, value in item.items() if field != "name"}
            for item in map(as_table, params)
        }
        dag.warn("params", "the list of parameters is read as one table [dag.params.NAME] each")
    inner = dag.inner("params")
    for name, value in list(inner.data.items()) if inner else ():
        if isinstance(value, (str, int, float)) and inner:
            inner.data[name] = {"type": _type_of(value), "default": value}
            inner.warn(name, f'a parameter given as a bare value is read as its default, of type "{_type_of(value)}"')


def _type_of(value: str | float) -> str:
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number"}
    return kinds.get(type(value), "string")


def _tasks(dag: Draft) -> None:
    path = (*dag.path, "tasks")
    source = dag.notes.place(path)
    tasks = dag.data.get("tasks")
    if is_table(tasks) and _looks_like_tasks(tasks):
        dag.notes.warn(source, f'tasks in tables called by their ids ("{next(iter(tasks))}", …) are read as a list')
        for index, id in enumerate(tasks):
            dag.notes.moved[(*path, index)] = (*source, id)
        tasks = [{"id": id, **as_table(task)} for id, task in tasks.items()]
    if not is_list(tasks):
        return
    drafts: list[object] = []
    for index, task in enumerate(tasks):
        if is_table(task):
            item = (*path, index)
            draft = Draft(dict(task), item, dag.notes.place(item), dag.notes)
            normalise_task(draft)
            task = draft.data
        drafts.append(task)
    dag.data["tasks"] = drafts
