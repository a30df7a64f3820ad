"""Checks what a DAG means, after its file was read: the graph, the skills, the templates, the votes."""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from cis_tui.core.document import is_list, is_table
from cis_tui.core.problems import Problem, Severity
from cis_tui.core.text import clean_line, did_you_mean
from cis_tui.dag.graph import cycles, upstream
from cis_tui.dag.model import DagSpec, LevelKind, Policy, TaskSpec
from cis_tui.dag.template import ITEM_VARIABLES, VARIABLES, is_template
from cis_tui.skills.model import SkillManifest, SkillType
from cis_tui.skills.registry import PLACES

MAX_PROBLEMS = 200
"""Problems that are shown."""
MAX_HINTS = 20
"""Names for which the nearest known one is sought: that takes a while among thousands."""
KEPT = "the journal keeps the items of a list: let a task before it print what may be kept, such as cis memory get KEY"
MAX_SHOWN = 12
"""Tasks of a cycle that are named."""


def validate(
    spec: DagSpec, *, skills: Mapping[str, SkillManifest], stakeholders: Mapping[str, str] | None = None
) -> tuple[Problem, ...]:
    """Everything that is wrong with `spec` at once, in the order of its file.

    Args:
        skills: What can be called, by name.
        stakeholders: Names that the project maps to a DID.
    """
    at = {task.id: index for index, task in enumerate(spec.tasks)}
    found = [
        *_dependencies(spec),
        *_cycles(spec),
        *_handlers(spec),
        *_others(spec),
        *_skills(spec, skills),
        *_levels(spec, stakeholders or {}),
        *_limits(spec),
        *_folders(spec),
        *_templates(spec),
    ]
    found.sort(key=lambda finding: at[finding.task.id])
    unused = tuple(_unused_params(spec))
    problems = unused + tuple(
        Problem(
            severity=finding.severity,
            message=finding.message,
            file=spec.file,
            line=finding.task.line,
            field=f"dag.tasks[{at[finding.task.id]}].{finding.field}",
            hint=finding.hint,
        )
        for finding in found[:MAX_PROBLEMS]
    )
    hidden = {finding.severity for finding in found[MAX_PROBLEMS:]}
    if not hidden:
        return problems
    severity = Severity.ERROR if Severity.ERROR in hidden else Severity.WARNING
    return (*problems, Problem(severity, f"and {len(found) - MAX_PROBLEMS} more problems", spec.file))


@dataclass(frozen=True, slots=True)
class _Finding:
    task: TaskSpec
    field: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR


class _Names:
    """The names that a DAG knows, which suggests the nearest one until it was asked too often."""

    def __init__(self, known: Iterable[str]) -> None:
        self.known = frozenset(known)
        self._asked = 0

    def hint(self, name: str) -> str:
        self._asked += 1
        return did_you_mean(name, sorted(self.known)) if self._asked <= MAX_HINTS else ""


def _dependencies(spec: DagSpec) -> Iterator[_Finding]:
    names = _Names(task.id for task in spec.tasks)
    for task in spec.tasks:
        for dep in task.deps:
            if dep not in names.known:
                name = clean_line(dep)
                message = f'task "{task.id}" needs "{name}", which does not exist'
                yield _Finding(task, "deps", message, names.hint(name))
            elif dep == task.id:
                yield _Finding(task, "deps", f'task "{task.id}" needs itself', "take it out of its deps")


def _handlers(spec: DagSpec) -> Iterator[_Finding]:
    """What runs only after a failure has to be there, and has to be able to run then."""
    names = _Names(task.id for task in spec.tasks)
    for task in spec.tasks:
        if task.on_failure is not None and task.on_failure not in names.known:
            name = clean_line(task.on_failure)
            message = f'task "{task.id}" has on_failure = "{name}", which does not exist'
            yield _Finding(task, "on_failure", message, names.hint(name))
        elif task.on_failure == task.id:
            message = f'task "{task.id}" has itself as on_failure'
            yield _Finding(task, "on_failure", message, "name another task, or use retry")
    watched = spec.watched()
    tolerant = spec.policy is Policy.ALLOW_DEBT
    needs: Callable[[str, str], bool] = upstream(replace(spec, tasks=_without_handlers(spec))) if watched else _never
    for task in spec.tasks:
        failing = watched.get(task.id, ())
        if failing and not tolerant and all(needs(id, task.id) for id in failing):
            message = f'task "{task.id}" can never run: it is for a failure of "{failing[0]}" and needs it to complete'
            yield _Finding(task, "deps", message, f'take "{failing[0]}", and what needs it, out of its deps')


def _others(spec: DagSpec) -> Iterator[_Finding]:
    """Tasks that stand for others: their ids have to be free, and the parameters of a DAG have to be right."""
    ids = sorted(task.id for task in spec.tasks)
    for task in spec.tasks:
        for start in (f"{task.id}/", f"{task.id}[") if task.stands_for_others else ():
            place = bisect_left(ids, start)
            after = ids[place : place + 1]
            if after and after[0].startswith(start):
                message = f'the id "{after[0]}" is kept for tasks for which "{task.id}" stands'
                yield _Finding(task, "id", message, "give one of them another id")
        inner = spec.dags.get(task.dag or "")
        if inner is not None:
            names = _Names(param.name for param in inner.params)
            for name in task.input:
                if name not in names.known:
                    message = f'task "{task.id}" gives "{clean_line(name)}", which is no parameter of {inner.name}'
                    hint = names.hint(name) or f"it has {', '.join(sorted(names.known)) or 'none'}"
                    yield _Finding(task, "input", message, hint)
            for param in inner.params:
                if param.required and param.default is None and param.name not in task.input:
                    message = f'task "{task.id}" does not give "{param.name}", which the DAG {inner.name} needs'
                    yield _Finding(task, "input", message, f"input = {{ {param.name} = … }}")


def _without_handlers(spec: DagSpec) -> tuple[TaskSpec, ...]:
    return tuple(replace(task, on_failure=None) for task in spec.tasks)


def _never(first: str, second: str) -> bool:
    return False


def _cycles(spec: DagSpec) -> Iterator[_Finding]:
    handlers = spec.watched()
    for cycle in cycles(spec):
        first = spec.task(cycle[0])
        if first is not None and len(cycle) > 2:
            shown = (
                cycle
                if len(cycle) <= MAX_SHOWN + 1
                else [*cycle[: MAX_SHOWN - 1], f"… {len(cycle) - MAX_SHOWN} more", *cycle[-1:]]
            )
            called = any(id in handlers for id in cycle)
            needs = "each needs the next one" + (", or runs only if that failed" if called else "")
            hint = "take one of these deps, or an on_failure, out" if called else "take one of these deps out"
            yield _Finding(first, "deps", f"a cycle: {' -> '.join(shown)} ({needs})", hint)


def _skills(spec: DagSpec, skills: Mapping[str, SkillManifest]) -> Iterator[_Finding]:
    """One finding a skill, at the first task that calls it."""
    callers: dict[str, list[TaskSpec]] = {}
    for task in spec.tasks:
        callers.setdefault(task.skill, []).append(task)
    names = _Names(skills)
    for name, tasks in callers.items():
        others = len(tasks) - 1
        more = f" (and {others} more task{'s' * (others > 1)})" if others else ""
        who = f'task "{tasks[0].id}"{more}'
        if name not in skills:
            message = f'{who} calls the skill "{name}", which does not exist or has errors; looked in {PLACES}'
            yield _Finding(tasks[0], "skill", message, names.hint(name) or "cis skill list shows all")
        elif skills[name].type is not SkillType.NATIVE:
            message = f'{who} calls the skill "{name}" of type {skills[name].type}, which this version cannot run'
            yield _Finding(tasks[0], "skill", message, "use a skill of type native")


def _levels(spec: DagSpec, stakeholders: Mapping[str, str]) -> Iterator[_Finding]:
    for task in spec.tasks:
        level = task.level
        if level.kind is not LevelKind.ARBITRATED:
            continue
        if not level.stakeholders:
            message = f'task "{task.id}" is arbitrated and has no stakeholders'
            yield _Finding(task, "level.stakeholders", message, 'name who may vote: stakeholders = ["…"]')
        elif level.quorum > len(level.stakeholders):
            count = len(level.stakeholders)
            message = f'task "{task.id}" wants {level.quorum} votes of {count} stakeholder{"s" * (count != 1)}'
            yield _Finding(task, "level.quorum", message, f"quorum is at most {count}")
        unmapped = [name for name in level.stakeholders if name not in stakeholders]
        if unmapped:
            message = f"whoever runs the engine votes for {', '.join(unmapped)}"
            hint = "[stakeholders] of project.toml gives a name to the DID of its voter"
            yield _Finding(task, "level.stakeholders", message, hint, Severity.WARNING)


def _limits(spec: DagSpec) -> Iterator[_Finding]:
    names = _Names(spec.limits)
    for task in spec.tasks:
        if task.limit is not None and task.limit not in names.known:
            message = f'task "{task.id}" keeps to the limit "{task.limit}", which does not exist'
            hint = names.hint(task.limit) or f"declare it: [dag.limits] {task.limit} = 1"
            yield _Finding(task, "limit", message, hint)


def _folders(spec: DagSpec) -> Iterator[_Finding]:
    for task in spec.tasks:
        folder = os.path.normpath(task.work_dir)
        if not is_template(task.work_dir) and (os.path.isabs(folder) or folder.split(os.sep)[0] == ".."):
            message = f'task "{task.id}" works in "{clean_line(task.work_dir)}", which is outside of the project'
            yield _Finding(task, "work_dir", message, "give a folder relative to the project")


def _unused_params(spec: DagSpec) -> Iterator[Problem]:
    """Warnings about parameters whose name stands in no template."""
    if not spec.params:
        return
    texts = [text for task in spec.tasks for _, text in _texts(task)] + list(spec.env.values())
    words = set(re.findall(r"\w+", "\n".join(texts)))
    for param in spec.params[:MAX_PROBLEMS]:
        if param.name not in words:
            message, hint = f'nothing uses the parameter "{param.name}"', f"{{{{ params.{param.name} }}}} puts it in"
            yield Problem(Severity.WARNING, message, spec.file, field=f"dag.params.{param.name}", hint=hint)


def _templates(spec: DagSpec) -> Iterator[_Finding]:
    texts = [(task, field, text) for task in spec.tasks for field, text in _texts(task)]
    if texts:
        yield from _check_templates(spec, texts)


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


def _check_templates(spec: DagSpec, texts: Iterable[tuple[TaskSpec, str, str]]) -> Iterator[_Finding]:
    from cis_tui.dag.references import ReferenceFinder  # a tenth of a second: only for a DAG with templates

    finder = ReferenceFinder()
    tasks = _Names(task.id for task in spec.tasks)
    params = _Names(param.name for param in spec.params)
    before: Callable[[str, str], bool] = upstream(spec)
    for task, field, text in texts:
        expression = field == "condition" or (field == "for_each" and isinstance(task.for_each, str))
        look = finder.in_condition if expression else finder.in_text
        found = look(text, names=_variables(task, field))
        what = f'task "{task.id}": {f"its {field}" if expression else f"a template in its {field}"}'
        for message, hint in found.errors:
            kept = field == "for_each" and "memory" in message
            yield _Finding(task, field, f"{what}: {message}", KEPT if kept else hint)
        for name in found.params:
            if name not in params.known:
                hint = params.hint(name) or f"declare it: [dag.params.{clean_line(name)}]"
                yield _Finding(
                    task, field, f'{what} uses the parameter "{clean_line(name)}", which does not exist', hint
                )
        for id in found.tasks:
            owner = id if id in tasks.known else _owner(spec, id)
            if owner not in tasks.known:
                message = f'{what} uses the task "{clean_line(id)}", which does not exist'
                yield _Finding(task, field, message, tasks.hint(id))
            elif not before(owner, task.id):
                message = f'{what} uses the task "{id}", which need not have ended before'
                yield _Finding(task, field, message, f'put "{owner}" into its deps')


def _variables(task: TaskSpec, field: str) -> tuple[str, ...]:
    """What a field may use. The journal keeps the items of a list, so that private memory has no place in them."""
    if field == "for_each":
        return tuple(name for name in VARIABLES if name != "memory")
    one_of_many = task.for_each is not None and field != "condition"
    return (*VARIABLES, *ITEM_VARIABLES) if one_of_many else VARIABLES


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
