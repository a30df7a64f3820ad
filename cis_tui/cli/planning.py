"""Prints what a run would do, step by step."""

from __future__ import annotations

from cis_tui.cli.outcome import seconds
from cis_tui.cli.output import paint, show, status_word
from cis_tui.core.text import clean_line, count
from cis_tui.dag.model import LevelKind
from cis_tui.dag.views import DagPlan, PlannedTask

_ID_WIDTH = 32


def show_plan(plan: DagPlan) -> None:
    """Print the steps of `plan`, each task with its command, who decides about it, and how long it takes."""
    inside: dict[str, list[PlannedTask]] = {}
    for task in plan.tasks:
        inside.setdefault(task.parent, []).append(task)
    known = {task.id: task for task in plan.tasks}
    for number, ids in enumerate(plan.levels, start=1):
        show(paint(f"step {number}", "bold"))
        _show_tasks([known[id] for id in ids], inside, "  ")
    show()
    show(_time(plan))
    if plan.executor:
        _show_executor(plan)


def _show_executor(plan: DagPlan) -> None:
    for text in plan.warnings:
        show(f"{status_word('warning')}: --executor {plan.executor} would refuse it: {clean_line(text, limit=1000)}")
    if not plan.warnings:
        show(f"--executor {plan.executor} could carry it out")


def _show_tasks(tasks: list[PlannedTask], inside: dict[str, list[PlannedTask]], indent: str) -> None:
    width = min(max(len(clean_line(task.id)) for task in tasks), _ID_WIDTH)
    for task in tasks:
        show(f"{indent}{clean_line(task.id).ljust(width)}  {clean_line(task.command)}".rstrip())
        for note in _notes(task):
            show(paint(f"{indent}{' ' * width}    {note}", "dim"))
        if task.id in inside:
            _show_tasks(inside[task.id], inside, f"{indent}  ")


def _notes(task: PlannedTask) -> list[str]:
    """What there is to say of a task beside its command."""
    notes: list[str] = []
    if task.after_failure_of:
        notes.append(f"only if {' or '.join(map(clean_line, task.after_failure_of))} failed")
    if task.condition:
        notes.append(f"if {task.condition}")
    if task.for_each:
        items = "" if task.items is None else f"{count(task.items, 'item')}: "
        notes.append(f"for each of {items}{task.for_each}")
    if task.parent and task.deps:
        notes.append(f"after {', '.join(map(clean_line, task.deps))}")
    if task.target_node:
        notes.append(f"on {clean_line(task.target_node)}: one of your nodes, or with --executor dask://… a worker")
    if task.level is not LevelKind.MECHANICAL:
        notes.append(f"{task.level} first")
    if task.on_failure:
        notes.append(f"on failure {clean_line(task.on_failure)}")
    if task.seconds is not None:
        notes.append(f"takes {seconds(task.seconds)}")
    return ["; ".join(notes)] if notes else []


def _time(plan: DagPlan) -> str:
    if plan.seconds is None:
        return "no earlier run tells how long it takes"
    unknown = f", {plan.unknown} of the tasks not known" if plan.unknown else ""
    return f"about {seconds(plan.seconds)} by earlier runs{unknown}; waiting for people comes on top"
