"""What a run would do, without doing it."""

from __future__ import annotations

from collections.abc import Mapping

from cis_tui.dag.calls import Calls
from cis_tui.dag.graph import levels
from cis_tui.dag.model import DagSpec
from cis_tui.dag.record import RunRecord
from cis_tui.dag.views import DagPlan


def plan(spec: DagSpec, params: Mapping[str, object], *, project: str) -> DagPlan:
    """The levels of `spec` and the command of each task, rendered as far as it is known before a run.

    Nothing is read from memory, so that a plan can be shown to anybody.
    """
    calls = Calls(RunRecord("", spec, project, params=params), {}, lambda key: None)
    return DagPlan(spec.name, levels(spec), {task.id: calls.preview(task) for task in spec.tasks}, params)
