"""Finds the DAGs for which tasks of a DAG stand, and those for which theirs do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from cis_tui.core.problems import Problem, Severity
from cis_tui.core.text import clean_line
from cis_tui.dag.model import MAX_TASKS, DagSpec, TaskSpec
from cis_tui.dag.parse import LoadedDag

MAX_DEPTH = 50
"""DAGs within one another."""
Find = Callable[[str], LoadedDag | None]
"""The DAG of a name; None if there is none."""


@dataclass(slots=True)
class Included:
    """A DAG with all that it stands for."""

    spec: DagSpec
    """With its `dags`, as far as they were found."""
    dags: dict[str, LoadedDag] = field(default_factory=dict[str, LoadedDag])
    """The other DAGs by the names that tasks give them."""
    problems: list[Problem] = field(default_factory=list[Problem])


def include(dag: LoadedDag, spec: DagSpec, find: Find, *, suggest: Callable[[str], str] = lambda name: "") -> Included:
    """`spec`, which `dag` holds, with the DAGs that it needs; what is wrong with that is in the problems.

    `suggest` gives the hint about a name that does not exist.
    """
    found = Included(spec)
    chain = [(dag.file, spec.name)]
    _walk(spec, chain, found, find, suggest)
    specs = {name: each.spec for name, each in found.dags.items() if each.spec is not None}
    found.spec = replace(spec, dags=specs)
    if len(spec.tasks) + sum(len(each.tasks) for each in specs.values()) > MAX_TASKS:
        message = f"with the DAGs for which its tasks stand it has more than {MAX_TASKS} tasks"
        found.problems.append(Problem(Severity.ERROR, message, file=spec.file))
    return found


def _walk(
    spec: DagSpec, chain: list[tuple[str, str]], found: Included, find: Find, suggest: Callable[[str], str]
) -> None:
    for index, task in enumerate(spec.tasks):
        if task.dag is None:
            continue
        name = clean_line(task.dag)
        inner = find(task.dag)
        if inner is None:
            message = f'task "{task.id}" stands for the DAG "{name}", which does not exist'
            found.problems.append(_problem(spec, task, index, message, suggest(task.dag)))
        elif any(file == inner.file for file, _ in chain):
            way = " -> ".join([*(each for _, each in chain), name])
            message = f'task "{task.id}" would make a DAG run itself: {way}'
            found.problems.append(_problem(spec, task, index, message, "take this task out"))
        elif len(chain) >= MAX_DEPTH:
            found.problems.append(_problem(spec, task, index, f"more than {MAX_DEPTH} DAGs within one another", ""))
        elif task.dag not in found.dags:
            found.dags[task.dag] = inner
            if inner.spec is not None:
                _walk(inner.spec, [*chain, (inner.file, inner.spec.name)], found, find, suggest)


def _problem(spec: DagSpec, task: TaskSpec, index: int, message: str, hint: str) -> Problem:
    return Problem(Severity.ERROR, message, spec.file, task.line, f"dag.tasks[{index}].dag", hint)
