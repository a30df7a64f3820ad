"""Checks what templates and expressions of a DAG refer to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from cis_tui.core.document import is_list, is_table
from cis_tui.core.problems import Problem, Severity
from cis_tui.core.text import clean_line
from cis_tui.dag.findings import MAX_PROBLEMS, Finding, Names
from cis_tui.dag.graph import upstream
from cis_tui.dag.model import DagSpec, TaskSpec
from cis_tui.dag.template import ITEM_VARIABLES, VARIABLES, is_template

KEPT = "the journal keeps it: let a task before it print what may be kept, such as cis memory get KEY"
_KEPT = ("for_each", "creates")


def unused_params(spec: DagSpec) -> Iterator[Problem]:
    """Warnings about parameters whose name stands in no template."""
    if not spec.params:
        return
    texts = [text for task in spec.tasks for _, text in _texts(task)] + list(spec.env.values())
    words = set(re.findall(r"\w+", "\n".join(texts)))
    for param in spec.params[:MAX_PROBLEMS]:
        if param.name not in words:
            message, hint = f'nothing uses the parameter "{param.name}"', f"{{{{ params.{param.name} }}}} puts it in"
            yield Problem(Severity.WARNING, message, spec.file, field=f"dag.params.{param.name}", hint=hint)


def check_templates(spec: DagSpec) -> Iterator[Finding]:
    """What is wrong with the templates and expressions of `spec`."""
    texts = [(task, field, text) for task in spec.tasks for field, text in _texts(task)]
    if texts:
        yield from _look_at(spec, texts)


def _texts(task: TaskSpec) -> Iterator[tuple[str, str]]:
    """Field and text of everything in a task that is rendered and has something to render."""
    if task.condition is not None:
        yield "condition", task.condition
    if isinstance(task.for_each, str):
        yield "for_each", task.for_each
    given: Mapping[str, object] = {
        "command": task.command,
        "args": list(task.args),
        "input": dict(task.input),
        "env": dict(task.env),
        "work_dir": task.work_dir,
        "creates": list(task.creates),
        "rollback": [[step.command, list(step.args), dict(step.input)] for step in task.rollback],
        "for_each": None if isinstance(task.for_each, str) else list(task.for_each or ()),
    }
    for field, value in given.items():
        for text in _strings(value):
            if is_template(text):
                yield field, text


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_table(value) or is_list(value):
        for item in value.values() if is_table(value) else value:
            yield from _strings(item)


def _look_at(spec: DagSpec, texts: Iterable[tuple[TaskSpec, str, str]]) -> Iterator[Finding]:
    from cis_tui.dag.references import ReferenceFinder  # a tenth of a second: only for a DAG with templates

    finder = ReferenceFinder()
    tasks = Names(task.id for task in spec.tasks)
    params = Names(param.name for param in spec.params)
    before: Callable[[str, str], bool] = upstream(spec)
    for task, field, text in texts:
        expression = field == "condition" or (field == "for_each" and isinstance(task.for_each, str))
        look = finder.in_condition if expression else finder.in_text
        found = look(text, names=_variables(task, field))
        what = f'task "{task.id}": {f"its {field}" if expression else f"a template in its {field}"}'
        for message, hint in found.errors:
            kept = field in _KEPT and "memory" in message
            yield Finding(task, field, f"{what}: {message}", KEPT if kept else hint)
        for name in found.params:
            if name not in params.known:
                hint = params.hint(name) or f"declare it: [dag.params.{clean_line(name)}]"
                yield Finding(
                    task, field, f'{what} uses the parameter "{clean_line(name)}", which does not exist', hint
                )
        for id in found.tasks:
            owner = id if id in tasks.known else _owner(spec, id)
            if owner not in tasks.known:
                message = f'{what} uses the task "{clean_line(id)}", which does not exist'
                yield Finding(task, field, message, tasks.hint(id))
            elif not before(owner, task.id) and not (field == "rollback" and owner == task.id):
                message = f'{what} uses the task "{id}", which need not have ended before'
                yield Finding(task, field, message, f'put "{owner}" into its deps')


def _variables(task: TaskSpec, field: str) -> tuple[str, ...]:
    """What a field may use. What the journal keeps, such as the items of a list, has no place for private memory."""
    one_of_many = task.for_each is not None and field not in ("condition", "for_each")
    names = (*VARIABLES, *ITEM_VARIABLES) if one_of_many else VARIABLES
    return tuple(name for name in names if name != "memory" or field not in _KEPT)


def _owner(spec: DagSpec, id: str) -> str:
    """The task of `spec` that stands for the task `id`; `id` itself if none can."""
    match = re.match(r"(?P<task>.+?)(?P<index>\[\d+\])?(?:/(?P<inner>.+))?\Z", id, re.DOTALL)
    task = spec.task(match["task"]) if match else None
    if match is None or task is None or (task.for_each is None) != (match["index"] is None):
        return id
    inner = spec.dags.get(task.dag or "")
    if match["inner"] is None:
        return task.id if match["index"] else id
    if inner is None:
        return id
    if inner.task(match["inner"]) is not None:
        return task.id
    stands = replace(inner, dags=spec.dags)
    return id if _owner(stands, match["inner"]) == match["inner"] else task.id
