"""Checks what a DAG means, after its file was read: the graph, the skills, the templates, the votes."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from cis_tui.core.problems import Problem, Severity
from cis_tui.core.text import clean_line, count
from cis_tui.dag.findings import MAX_PROBLEMS, Finding, Names
from cis_tui.dag.graph import cycles, upstream
from cis_tui.dag.model import DagSpec, LevelKind, Policy, TaskSpec
from cis_tui.dag.template import is_template
from cis_tui.dag.template_checks import check_templates, unused_params
from cis_tui.skills.model import SkillManifest, SkillType
from cis_tui.skills.registry import PLACES

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
        *_agents(spec),
        *_folders(spec),
        *_shared_places(spec),
        *check_templates(spec),
    ]
    found.sort(key=lambda finding: at[finding.task.id])
    unused = tuple(unused_params(spec))
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
    return (*problems, Problem(severity, f"and {count(len(found) - MAX_PROBLEMS, 'more problem')}", spec.file))


def _dependencies(spec: DagSpec) -> Iterator[Finding]:
    names = Names(task.id for task in spec.tasks)
    for task in spec.tasks:
        for dep in task.deps:
            if dep not in names.known:
                name = clean_line(dep)
                message = f'task "{task.id}" needs "{name}", which does not exist'
                yield Finding(task, "deps", message, names.hint(name))
            elif dep == task.id:
                yield Finding(task, "deps", f'task "{task.id}" needs itself', "take it out of its deps")


def _agents(spec: DagSpec) -> Iterator[Finding]:
    """The agent that a task goes on with has to be one that was asked before, and kept."""
    names = Names(task.id for task in spec.tasks)
    asking = {task.id: task for task in spec.tasks if task.agent is not None}
    before: Callable[[str, str], bool] = (
        upstream(spec) if any(task.agent and task.agent.reuse for task in spec.tasks) else _never
    )
    for task in spec.tasks:
        reuse = clean_line(task.agent.reuse) if task.agent else ""
        if not reuse:
            continue
        if reuse not in asking:
            what = "asks no agent" if reuse in names.known else "does not exist"
            message = f'task "{task.id}" reuses the agent of "{reuse}", which {what}'
            yield Finding(task, "reuse_agent", message, names.hint(reuse))
        elif not before(reuse, task.id):
            message = f'task "{task.id}" reuses the agent of "{reuse}" without needing it'
            yield Finding(task, "reuse_agent", message, f'put "{reuse}" into its deps')


def _handlers(spec: DagSpec) -> Iterator[Finding]:
    """What runs only after a failure has to be there, and has to be able to run then."""
    names = Names(task.id for task in spec.tasks)
    for task in spec.tasks:
        if task.on_failure is not None and task.on_failure not in names.known:
            name = clean_line(task.on_failure)
            message = f'task "{task.id}" has on_failure = "{name}", which does not exist'
            yield Finding(task, "on_failure", message, names.hint(name))
        elif task.on_failure == task.id:
            message = f'task "{task.id}" has itself as on_failure'
            yield Finding(task, "on_failure", message, "name another task, or use retry")
    watched = spec.watched()
    tolerant = spec.policy is Policy.ALLOW_DEBT
    needs: Callable[[str, str], bool] = upstream(replace(spec, tasks=_without_handlers(spec))) if watched else _never
    for task in spec.tasks:
        failing = watched.get(task.id, ())
        if failing and not tolerant and all(needs(id, task.id) for id in failing):
            message = f'task "{task.id}" can never run: it is for a failure of "{failing[0]}" and needs it to complete'
            yield Finding(task, "deps", message, f'take "{failing[0]}", and what needs it, out of its deps')


def _others(spec: DagSpec) -> Iterator[Finding]:
    """Tasks that stand for others: their ids have to be free, and the parameters of a DAG have to be right."""
    ids = sorted(task.id for task in spec.tasks)
    for task in spec.tasks:
        for start in (f"{task.id}/", f"{task.id}[") if task.stands_for_others else ():
            place = bisect_left(ids, start)
            after = ids[place : place + 1]
            if after and after[0].startswith(start):
                message = f'the id "{after[0]}" is kept for tasks for which "{task.id}" stands'
                yield Finding(task, "id", message, "give one of them another id")
        inner = spec.dags.get(task.dag or "")
        if inner is not None:
            names = Names(param.name for param in inner.params)
            for name in task.input:
                if name not in names.known:
                    message = f'task "{task.id}" gives "{clean_line(name)}", which is no parameter of {inner.name}'
                    hint = names.hint(name) or f"it has {', '.join(sorted(names.known)) or 'none'}"
                    yield Finding(task, "input", message, hint)
            for param in inner.params:
                if param.required and param.default is None and param.name not in task.input:
                    message = f'task "{task.id}" does not give "{param.name}", which the DAG {inner.name} needs'
                    yield Finding(task, "input", message, f"input = {{ {param.name} = … }}")


def _without_handlers(spec: DagSpec) -> tuple[TaskSpec, ...]:
    return tuple(replace(task, on_failure=None) for task in spec.tasks)


def _never(first: str, second: str) -> bool:
    return False


def _cycles(spec: DagSpec) -> Iterator[Finding]:
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
            yield Finding(first, "deps", f"a cycle: {' -> '.join(shown)} ({needs})", hint)


def _skills(spec: DagSpec, skills: Mapping[str, SkillManifest]) -> Iterator[Finding]:
    """One finding a skill, at the first task that calls it."""
    callers: dict[str, list[TaskSpec]] = {}
    for task in spec.tasks:
        for name in dict.fromkeys((task.skill, *(step.skill for step in task.rollback))):
            callers.setdefault(name, []).append(task)
    names = Names(skills)
    for name, tasks in callers.items():
        others = len(tasks) - 1
        more = f" (and {others} more task{'s' * (others > 1)})" if others else ""
        who = f'task "{tasks[0].id}"{more}'
        if name not in skills:
            message = f'{who} calls the skill "{name}", which does not exist or has errors; looked in {PLACES}'
            yield Finding(tasks[0], "skill", message, names.hint(name) or "cis skill list shows all")
        elif skills[name].type is SkillType.DAG:
            message = f'{who} calls the skill "{name}" of type {skills[name].type}, which this version cannot run'
            yield Finding(tasks[0], "skill", message, "use one of type native or wasm")
        elif skills[name].confirm:
            message = f'{who} calls the skill "{name}", and is confirmed before: {skills[name].confirm}'
            yield Finding(tasks[0], "skill", message, "cis doctor tells more", Severity.WARNING)


_OWNER = "owner"
"""A seat whose very name says that it is of whoever runs the engine, if no DID is named for it."""


def _levels(spec: DagSpec, stakeholders: Mapping[str, str]) -> Iterator[Finding]:
    for task in spec.tasks:
        level = task.level
        if level.kind is not LevelKind.ARBITRATED:
            continue
        if not level.stakeholders:
            message = f'task "{task.id}" is arbitrated and has no stakeholders'
            yield Finding(task, "level.stakeholders", message, 'name who may vote: stakeholders = ["…"]')
        elif level.quorum > len(level.stakeholders):
            named = count(len(level.stakeholders), "stakeholder")
            message = f'task "{task.id}" wants {count(level.quorum, "vote")} of {named}'
            yield Finding(task, "level.quorum", message, f"quorum is at most {len(level.stakeholders)}")
        unmapped = [name for name in level.stakeholders if name not in (*stakeholders, _OWNER)]
        if unmapped:
            message = f"whoever runs the engine votes for {', '.join(unmapped)}"
            hint = "[stakeholders] of project.toml gives a name to the DID of its voter"
            yield Finding(task, "level.stakeholders", message, hint, Severity.WARNING)


def _limits(spec: DagSpec) -> Iterator[Finding]:
    names = Names(spec.limits)
    for task in spec.tasks:
        if task.limit is not None and task.limit not in names.known:
            message = f'task "{task.id}" keeps to the limit "{task.limit}", which does not exist'
            hint = names.hint(task.limit) or f"declare it: [dag.limits] {task.limit} = 1"
            yield Finding(task, "limit", message, hint)


def _folders(spec: DagSpec) -> Iterator[Finding]:
    for task in spec.tasks:
        folder = os.path.normpath(task.work_dir)
        if not is_template(task.work_dir) and (os.path.isabs(folder) or folder.split(os.sep)[0] == ".."):
            message = f'task "{task.id}" works in "{clean_line(task.work_dir)}", which is outside of the project'
            yield Finding(task, "work_dir", message, "give a folder relative to the project")
            continue
        for path in task.creates:
            place = os.path.normpath(os.path.join(folder, path))
            outside = os.path.isabs(place) or place.split(os.sep)[0] in ("..", ".")
            if outside and not is_template(path) and not is_template(task.work_dir):
                message = f'task "{task.id}" creates "{clean_line(path)}", which is not inside of the project'
                yield Finding(task, "creates", message, "name files and folders of the project")


def _shared_places(spec: DagSpec) -> Iterator[Finding]:
    """Two tasks that create the same path, neither after the other: which one is last is left to chance."""
    makers: dict[str, list[TaskSpec]] = {}
    for task in spec.tasks:
        if task.for_each is not None or is_template(task.work_dir):
            continue
        for path in {os.path.normpath(os.path.join(task.work_dir, path)) for path in task.creates}:
            if not is_template(path):
                makers.setdefault(path, []).append(task)
    shared = [(path, tasks) for path, tasks in makers.items() if len(tasks) > 1]
    needs = upstream(spec) if shared else _never
    for path, tasks in shared:
        for one, other in pairwise(tasks):
            if not needs(one.id, other.id) and not needs(other.id, one.id):
                message = f'tasks "{one.id}" and "{other.id}" both create "{clean_line(path)}", in no certain order'
                hint = f'let one need the other: deps = ["{one.id}"] in "{other.id}"'
                yield Finding(other, "creates", message, hint, Severity.WARNING)
