"""Small DAGs for tests."""

from __future__ import annotations

from pathlib import Path

from cis_tui.core.problems import Problem, Severity
from cis_tui.dag.model import DagSpec, TaskSpec
from cis_tui.dag.parse import parse_dag

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "dags"
"""Real files of other installations."""


def parsed(text: str, file: str = "x.toml") -> DagSpec:
    """The DAG in `text`, which has to have no errors."""
    dag = parse_dag(text, file)
    assert dag.spec is not None
    assert errors(dag.problems) == []
    return dag.spec


def only_task(fields: str) -> TaskSpec:
    """The one task that has `fields` and an id."""
    (task,) = parsed(f'[[dag.tasks]]\nid = "t"\n{fields}\n').tasks
    return task


def errors(problems: tuple[Problem, ...]) -> list[str]:
    """Errors as a person reads them."""
    return [str(problem) for problem in problems if problem.severity is Severity.ERROR]


def warnings(problems: tuple[Problem, ...]) -> list[str]:
    """Warnings as a person reads them."""
    return [str(problem) for problem in problems if problem.severity is Severity.WARNING]


def chain(edges: dict[str, list[str]]) -> DagSpec:
    """A DAG of tasks and their deps."""
    return DagSpec("g", tuple(TaskSpec(id, deps=tuple(deps)) for id, deps in edges.items()))
